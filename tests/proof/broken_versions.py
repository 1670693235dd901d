"""Stores with one bug each: what else versions could be, and conditions that leave them out.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import attrs

from extauth import LinkKey
from extauth.domain.outcomes import Absent, Claimed, Recorded, Resealed, Saved
from tests.proof.breakable_store import HealthyStore, broken


@broken("save", "test_save_at_another_version_changes_nothing")
class SaveWithoutVersion(HealthyStore):
    """Whoever saves last wins."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        return Absent() if row is None else await super().save(key, row.link.version, tokens, origin=origin)


@broken("record_failure", "test_a_late_mark_never_lands_on_newer_tokens")
class MarkWithoutVersion(HealthyStore):
    """The loser marks the winner's tokens dead."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        if row is None:
            return Absent()
        if failure.version != version:
            raise ValueError
        row = self.row(key, link=attrs.evolve(row.link, failure=failure))
        return Recorded(row.seen_at(self._now()))


@broken("save", "test_save_tells_writes_of_one_version_apart")
class SaveOfAnyWrite(HealthyStore):
    """A version that was lost and given again is taken for the one that was refreshed."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        return await super().save(key, version, tokens, origin=origin)


@broken("record_failure", "test_a_mark_tells_writes_of_one_version_apart")
class MarkOfAnyWrite(HealthyStore):
    """A new authorization gets the mark of the tokens that the store had under its version before."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        return await super().record_failure(key, version, failure)


@broken("reseal", "test_reseal_at_another_version_changes_nothing")
class ResealWithoutVersion(HealthyStore):
    """A key rotation writes old tokens over new ones."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        row = self._rows.get(key)
        return (
            Absent()
            if row is None
            else await super().reseal(key, row.link.version, tokens, written_at=written_at)
        )


@broken("claim", "test_claims_of_another_version_are_stale")
class ClaimWithoutVersion(HealthyStore):
    """Who has read an old version may present its token again."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        return await super().claim(key, version if row is None else row.link.version, owner, ttl)


@broken("release", "test_release_happens_once")
class ReleaseWithoutVersion(HealthyStore):
    """The end of an old exchange ends a new one."""

    async def release(self, key, version, owner, *, unresolved=False):
        row = self._rows.get(key)
        at = version if row is None else row.link.version
        return await super().release(key, at, owner, unresolved=unresolved)


@broken("record_failure", "test_a_mark_touches_neither_tokens_nor_version")
class MarkBumpsVersion(HealthyStore):
    """The loser's mark makes the winner's save miss."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await super().record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded):
            self.row(key, link=attrs.evolve(self._rows[key].link, version=version + 1))
        return outcome


@broken("reseal", "test_reseal_changes_the_texts_only")
class ResealBumpsVersion(HealthyStore):
    """A key rotation makes the save of a refresh in flight miss."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        outcome = await super().reseal(key, version, tokens, written_at=written_at)
        if isinstance(outcome, Resealed):
            self.row(key, link=attrs.evolve(self._rows[key].link, version=version + 1))
        return outcome


@broken("claim", "test_a_claim_returns_the_link")
class ClaimBumpsVersion(HealthyStore):
    """A claim makes its own save miss."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        if isinstance(outcome, Claimed):
            link = attrs.evolve(outcome.link, version=version + 1)
            self.row(key, link=attrs.evolve(link, pending=None))
            return attrs.evolve(outcome, link=link)
        return outcome


@broken("save", "test_save_is_the_next_version")
class SaveKeepsVersion(HealthyStore):
    """A save that moves no version lets the loser save over it."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, link=attrs.evolve(outcome.link, version=version)).link)
        return outcome


@broken("put", "test_put_always_wins")
class PutKeepsVersion(HealthyStore):
    """A refresh of the old grant is saved over the new authorization."""

    async def put(self, key, tokens, *, origin=None):
        before = self._rows.get(key)
        link = await super().put(key, tokens, origin=origin)
        return (
            link if before is None else self.row(key, link=attrs.evolve(link, version=link.version - 1)).link
        )


@broken("put", "test_a_version_never_comes_back")
class VersionComesBack(HealthyStore):
    """After an unlink versions start again at 1: what was begun before it fits a link made after it."""

    async def delete(self, key):
        link = await super().delete(key)
        self._retired_version = 0
        return link


@broken("put", "test_versions_grow_through_racing_puts_and_deletes")
class VersionReadBeforeWriting(HealthyStore):
    """The next version is read in one statement and written in another."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        version = (self._retired_version if row is None else row.link.version) + 1
        await asyncio.sleep(0)
        link = await super().put(key, tokens, origin=origin)
        return self.row(key, link=attrs.evolve(link, version=version)).link


@broken("save", "test_save_compares_versions_and_not_tokens")
class RefreshTokenAsVersion(HealthyStore):
    """Compares the refresh token of that version: the same again where the provider does not rotate."""

    token = "refresh_token"

    def __init__(self) -> None:
        super().__init__()
        self.presented: dict[tuple[LinkKey, int], Any] = {}

    def _write(self, key, row):
        super()._write(key, row)
        self.presented[key, row.link.version] = getattr(row.link.tokens, self.token)

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        same = row and self.presented.get((key, version)) == getattr(row.link.tokens, self.token)
        return await super().save(key, row.link.version if same else version, tokens)


@broken("save", "test_save_compares_versions_and_not_tokens")
class AccessTokenAsVersion(RefreshTokenAsVersion):
    """The same with the access token."""

    token = "access_token"


@broken("reseal", "test_reseal_tells_writes_of_one_version_apart")
class ResealOfAnyWrite(HealthyStore):
    """After a failover old texts are put over the user's new authorization, which has the same version."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        return await super().reseal(key, version, tokens)


@broken("save", "test_save_of_another_grant_takes_nothing_over")
class AnotherGrantKeepsOrigin(HealthyStore):
    """After a failover the newer tokens are sent to the client of an older authorization."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None, other_grant=False):
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)
