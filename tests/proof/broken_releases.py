"""Stores with one bug each: ends of exchanges that end too little or too much.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import attrs

from extauth.domain.outcomes import Saved
from tests.proof.breakable_store import HealthyStore, broken


@broken("release", "test_release_is_by_owner")
class ReleaseByAnybody(HealthyStore):
    """A former owner ends the lease of the next."""

    async def release(self, key, version, owner, *, unresolved=False):
        row = self._rows.get(key)
        owner = row.lease.owner if row is not None and row.lease is not None else owner
        return await super().release(key, version, owner, unresolved=unresolved)


@broken("release", "test_release_after_a_known_outcome_leaves_no_trace")
class ReleaseKeepsLease(HealthyStore):
    """The release says that it worked, and everybody waits for the lease to lapse."""

    async def release(self, key, version, owner, *, unresolved=False):
        row = self._rows.get(key)
        released = await super().release(key, version, owner, unresolved=unresolved)
        if released:
            self.row(key, lease=row.lease)
        return released


@broken("release", "test_release_after_an_unknown_outcome_is_remembered")
class UnresolvedForgotten(HealthyStore):
    """A lost reply is released like a known outcome: the token is presented again."""

    async def release(self, key, version, owner, *, unresolved=False):
        return await super().release(key, version, owner)


@broken("release", "test_release_after_a_known_outcome_leaves_no_trace")
class AlwaysUnresolved(HealthyStore):
    """Every release leaves a suspicion behind."""

    async def release(self, key, version, owner, *, unresolved=False):
        return await super().release(key, version, owner, unresolved=True)


@broken("release", "test_an_unresolved_exchange_outlives_later_known_ones")
class ReleaseResolvesAll(HealthyStore):
    """A known outcome of a later exchange resolves the unknown one before it."""

    async def release(self, key, version, owner, *, unresolved=False):
        released = await super().release(key, version, owner, unresolved=unresolved)
        if released and not unresolved:
            self.row(key, unresolved_since=None)
        return released


@broken("release", "test_release_touches_nothing_but_the_lease")
class ReleaseLiftsMark(HealthyStore):
    """The end of a lease hides that the grant was rejected."""

    async def release(self, key, version, owner, *, unresolved=False):
        released = await super().release(key, version, owner, unresolved=unresolved)
        if released:
            self.row(key, link=attrs.evolve(self._rows[key].link, failure=None))
        return released


@broken("save", "test_save_clears_mark_lease_and_unresolved_exchange")
class SaveKeepsLease(HealthyStore):
    """After a save the lease of the old version keeps everybody from the new one."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, lease=row.lease).seen_at(self._now()))
        return outcome


@broken("save", "test_save_clears_mark_lease_and_unresolved_exchange")
class SaveKeepsUnresolved(HealthyStore):
    """The suspicion about the old token falls on the new one."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, unresolved_since=row.unresolved_since).seen_at(self._now()))
        return outcome


@broken("put", "test_put_clears_mark_lease_and_unresolved_exchange")
class PutKeepsLease(HealthyStore):
    """A new authorization waits for a refresh of the old one."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        link = await super().put(key, tokens, origin=origin)
        return link if row is None else self.row(key, lease=row.lease).seen_at(self._now())
