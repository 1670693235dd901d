"""Stores with one bug each: errors, lost races and interruptions taken for each other.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio

import attrs

from extauth import StoreUnavailable
from extauth.domain.outcomes import Absent, Saved, Stale
from tests.proof.breakable_store import HealthyStore, broken, unavailable


@broken("save", "test_a_broken_store_is_no_lost_race")
class ErrorAsLostRace(HealthyStore):
    """A storage error is read as nothing matched: the only tokens that work are thrown away."""

    async def save(self, key, version, tokens, **said):
        try:
            return await super().save(key, version, tokens, **said)
        except StoreUnavailable:
            return Absent()


@broken("get", "test_a_broken_store_is_no_lost_race")
class ErrorAsNothing(HealthyStore):
    """While the database is down every user is told to connect again."""

    async def get(self, key):
        try:
            return await super().get(key)
        except StoreUnavailable:
            return None


@broken("get", "test_a_broken_store_is_no_lost_race")
class DriversError(HealthyStore):
    """The driver's own errors get out."""

    def fail(self):
        raise OSError


@broken("get", "test_a_broken_store_is_no_lost_race")
class ErrorWithoutCause(HealthyStore):
    """Nobody learns what was wrong."""

    def fail(self):
        raise unavailable()


@broken("ping", "test_a_broken_store_answers_no_ping")
class PingOfNothing(HealthyStore):
    """A probe hears that all is well while the database is down."""

    async def ping(self):
        pass


@broken("ping", "test_a_store_that_works_answers_a_ping")
class PingOfALink(HealthyStore):
    """A probe tries its hand at a link, which counts as an authorization."""

    async def ping(self):
        for link in [row.link for row in self._rows.values()]:
            await self.put(link.key, link.tokens)


@broken("save", "test_save_at_another_version_changes_nothing")
class LostRaceRaised(HealthyStore):
    """Losing a race is an error."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Stale):
            raise LookupError  # noqa: TRY004 - the bug
        return outcome


@broken("claim", "test_a_live_lease_keeps_others_out")
class LostRaceAsUnavailable(HealthyStore):
    """A lease that is held is reported as a store that is down."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        held = row is not None and row.lease is not None and row.lease.expires_at > self._now()
        if held and row.link.version == version and row.lease.owner != owner:
            raise unavailable()
        return await super().claim(key, version, owner, ttl)


@broken("save", "test_a_repeated_save_finds_its_own_tokens")
class NoneForStale(HealthyStore):
    """The loser is not told what won."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        return None if isinstance(outcome, Stale) else outcome


@broken("save", "test_nothing_but_put_makes_a_link")
class StaleForAbsent(HealthyStore):
    """A link that is gone is reported with an error of the store's own making."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        return False if isinstance(outcome, Absent) else outcome


@broken("save", "test_a_cancelled_save_is_all_or_nothing")
class SaveInTwoSteps(HealthyStore):
    """The version in one statement, the tokens in the next: a cancelled save leaves the half of it."""

    async def save(self, key, version, tokens, **said):
        before = self._rows.get(key)
        outcome = await super().save(key, version, tokens, **said)
        if isinstance(outcome, Saved):
            half = self.row(key, link=attrs.evolve(outcome.link, tokens=before.link.tokens))
            await asyncio.sleep(0)
            return Saved(self.row(key, link=attrs.evolve(half.link, tokens=tokens)).link)
        return outcome


@broken("put", "test_a_cancelled_put_is_all_or_nothing")
class PutDeletesFirst(HealthyStore):
    """DELETE, then INSERT: a cancelled authorization is an unlink."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        if row is None:
            return await super().put(key, tokens, origin=origin)
        await self.delete(key)
        await asyncio.sleep(0)
        link = await super().put(key, tokens, origin=origin)
        return self.row(
            key, link=attrs.evolve(link, version=row.link.version + 1, created_at=row.link.created_at)
        ).link


@broken("reseal", "test_a_cancelled_reseal_can_be_repeated")
class ResealInTwoSteps(HealthyStore):
    """One token a statement: a cancelled re-encryption leaves two keys in one row."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        row = self._rows.get(key)
        if row is not None and row.link.version == version:
            half = attrs.evolve(row.link.tokens, access_token=tokens.access_token)
            self.row(key, link=attrs.evolve(row.link, tokens=half))
            await asyncio.sleep(0)
        return await super().reseal(key, version, tokens, written_at=written_at)


@broken("put", "test_what_returned_outlives_a_restart")
class WritesBehind(HealthyStore):
    """Writes are kept for later: what had returned is gone after a restart."""

    def another(self):
        return type(self)()


@broken("put", "test_racing_writes_are_never_mixed")
class PutMixed(HealthyStore):
    """Tokens in one statement, what belongs to them in the next."""

    async def put(self, key, tokens, *, origin=None):
        link = await super().put(key, tokens, origin=origin)
        row = self._rows.get(key)
        await asyncio.sleep(0)
        if row is not None and key in self._rows:
            now = self._rows[key].link
            self.row(key, link=attrs.evolve(now, tokens=attrs.evolve(now.tokens, extra=tokens.extra)))
        return link
