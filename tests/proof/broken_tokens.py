"""Stores with one bug each: tokens erased, kept and mixed up.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.domain.outcomes import Absent, Recorded, Resealed, Saved, Stale
from tests.proof.breakable_store import HealthyStore, broken


@broken("record_failure", "test_a_mark_touches_neither_tokens_nor_version")
class MarkClearsToken(HealthyStore):
    """A rejected refresh token is erased, and with it the winner's."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await super().record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded) and failure.permanent:
            cleared = attrs.evolve(outcome.link.tokens, refresh_token=None)
            self.row(key, link=attrs.evolve(self._rows[key].link, tokens=cleared))
        return outcome


@broken("save", "test_save_never_brings_back_an_unlinked_user")
class SaveByUpsert(HealthyStore):
    """A refresh brings back a user who has unlinked."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        return Saved(await self.put(key, tokens)) if isinstance(outcome, Absent) else outcome


@broken("save", "test_save_asks_for_no_lease")
class SaveDemandsLease(HealthyStore):
    """The only tokens that work are thrown away because the lease has lapsed."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        if row is not None and row.link.version == version and row.lease is None:
            return Stale(row.link)
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)


@broken("save", "test_a_lapsed_owner_can_still_save")
class SaveDemandsLiveLease(HealthyStore):
    """The same, for whoever's lease was taken over after it lapsed."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        if row is not None and row.link.version == version and row.unresolved_since is not None:
            return Stale(row.seen_at(self._now()))
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)


@broken("save", "test_save_stores_exactly_what_it_is_given")
class SaveKeepsOldRefreshToken(HealthyStore):
    """coalesce(new, old): what was not given is what was there."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        if row is not None and tokens.refresh_token is None:
            tokens = attrs.evolve(tokens, refresh_token=row.link.tokens.refresh_token)
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)


@broken("save", "test_save_is_the_next_version")
class SaveDropsOrigin(HealthyStore):
    """After a refresh nobody knows which client the grant belongs to."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, link=attrs.evolve(outcome.link, origin=None)).link)
        return outcome


@broken("save", "test_save_writes_the_origin_that_it_is_given")
class SaveKeepsOldOrigin(HealthyStore):
    """A link that said no origin says none for ever."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        return await super().save(key, version, tokens)


@broken("put", "test_put_carries_nothing_forward")
class PutKeepsOldRefreshToken(HealthyStore):
    """A new authorization without a refresh token goes back to the old account at the next refresh."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        if row is not None and tokens.refresh_token is None:
            tokens = attrs.evolve(tokens, refresh_token=row.link.tokens.refresh_token)
        return await super().put(key, tokens, origin=origin)


@broken("put", "test_put_carries_nothing_forward")
class PutKeepsOldOrigin(HealthyStore):
    """The new grant is taken for one of the client before."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        return await super().put(key, tokens, origin=origin or (row and row.link.origin))


@broken("put", "test_put_replaces_the_origin")
class PutNeverChangesOrigin(HealthyStore):
    """The origin is written when a link is made and never again."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        return await super().put(key, tokens, origin=row.link.origin if row and origin else origin)


@broken("put", "test_put_always_wins")
class PutLosesAgainstLease(HealthyStore):
    """A user who reconnects during a refresh gets the old grant back."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        if row is not None and row.lease is not None:
            return row.seen_at(self._now())
        return await super().put(key, tokens, origin=origin)


@broken("put", "test_put_always_wins")
class PutRenewsCreatedAt(HealthyStore):
    """INSERT OR REPLACE: every authorization makes the link anew."""

    async def put(self, key, tokens, *, origin=None):
        link = await super().put(key, tokens, origin=origin)
        return self.row(key, link=attrs.evolve(link, created_at=link.updated_at)).link


@broken("reseal", "test_reseal_changes_the_texts_only")
class ResealWritesWholeTokens(HealthyStore):
    """A re-encryption of what was read earlier also writes its expiry and scopes."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        outcome = await super().reseal(key, version, tokens, written_at=written_at)
        if isinstance(outcome, Resealed):
            return Resealed(
                self.row(key, link=attrs.evolve(self._rows[key].link, tokens=tokens)).seen_at(self._now())
            )
        return outcome


@broken("reseal", "test_reseal_changes_the_texts_only")
class ResealMovesUpdatedAt(HealthyStore):
    """A key rotation makes every link look used."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        outcome = await super().reseal(key, version, tokens, written_at=written_at)
        if isinstance(outcome, Resealed):
            link = attrs.evolve(self._rows[key].link, updated_at=self._now() + timedelta(seconds=1))
            return Resealed(self.row(key, link=link).seen_at(self._now()))
        return outcome


@broken("save", "test_a_save_passes_a_reseal")
class ResealTakesTheSavesPlace(HealthyStore):
    """A refresh that was read before a re-encryption is taken as stale."""

    async def save(self, key, version, tokens, **said):
        row = self._rows.get(key)
        if row is not None and row.link.version == version and row.link.tokens.access_token_key_id:
            return Stale(row.link)
        return await super().save(key, version, tokens, **said)


@broken("delete", "test_delete_removes_claimed_and_marked_links")
class DeleteWaitsForLease(HealthyStore):
    """A user cannot unlink while a refresh runs."""

    async def delete(self, key):
        row = self._rows.get(key)
        return None if row is not None and row.lease is not None else await super().delete(key)


@broken("delete", "test_delete_returns_what_it_removed")
class DeleteReturnsNothing(HealthyStore):
    """Nobody can revoke the tokens of the link that was removed."""

    async def delete(self, key):
        await super().delete(key)


@broken("claim", "test_a_new_link_inherits_nothing_from_a_deleted_one")
class DeleteLeavesMarks(HealthyStore):
    """Leases are kept in a table of their own, and an unlink forgets them there."""

    async def delete(self, key):
        row = self._rows.get(key)
        link = await super().delete(key)
        if row is not None:
            self.__dict__.setdefault("left", {})[key] = row
        return link

    async def put(self, key, tokens, *, origin=None):
        link = await super().put(key, tokens, origin=origin)
        left = self.__dict__.setdefault("left", {}).pop(key, None)
        if left is not None:
            self.row(key, unresolved_since=left.unresolved_since, lease=left.lease)
        return link


@broken("put", "test_writes_touch_no_other_link")
class PutReplacesUser(HealthyStore):
    """The unique key is the user alone: connecting one provider disconnects another."""

    async def put(self, key, tokens, *, origin=None):
        for other in [other for other in self._rows if other.user_id == key.user_id and other != key]:
            await self.delete(other)
        return await super().put(key, tokens, origin=origin)
