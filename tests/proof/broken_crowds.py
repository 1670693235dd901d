"""Stores with one bug each: users who fill the store or crowd out others; looks that say too much, or take.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from extauth.domain.linking import MOST_BEGUN
from extauth.domain.linking_outcomes import AlreadyTaken, NoSuchState, StateExpired, Waiting
from tests.proof.breakable_store import HealthyStore, broken

MANY = 10**6


def let_go(store: Any, others: list[str], at_most: int) -> None:
    """Remove all but the last of these."""
    for state_hash in others[: max(0, len(others) - at_most)]:
        del store.begun[state_hash]


@broken("begin_authorization", "test_the_oldest_gives_way")
class CountedByLink(HealthyStore):
    """A user who names links as they like begins as many as they like."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        await super().begin_authorization(pending, ttl, at_most=MANY)
        same = [state for state, begun in self.begun.items() if begun.pending.key == pending.key]
        let_go(self, same, at_most)


@broken("begin_authorization", "test_there_is_a_bound_by_default")
class NoBoundByDefault(HealthyStore):
    """A user who begins again and again fills the store."""

    async def begin_authorization(self, pending, ttl, *, at_most=MANY):
        await super().begin_authorization(pending, ttl, at_most=at_most)


@broken("begin_authorization", "test_no_other_user_gives_way")
class CountedForAll(HealthyStore):
    """One user who begins again and again keeps all others from connecting."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        await super().begin_authorization(pending, ttl, at_most=MANY)
        let_go(self, list(self.begun), at_most)


@broken("begin_authorization", "test_what_was_taken_gives_way_too")
class TakenNotCounted(HealthyStore):
    """Who completes each, with any code, fills the store all the same."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        taken = {state: begun for state, begun in self.begun.items() if begun.taken}
        await super().begin_authorization(pending, ttl, at_most=at_most)
        self.begun.update(taken)


@broken("begin_authorization", "test_the_newest_never_gives_way")
class NewestGivesWay(HealthyStore):
    """A shorter time is configured, and whoever has begun before cannot connect."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        await super().begin_authorization(pending, ttl, at_most=MANY)
        mine = [
            state for state, begun in self.begun.items() if begun.pending.key.user_id == pending.key.user_id
        ]
        let_go(self, sorted(mine, key=lambda state: self.begun[state].expires_at), at_most)


@broken("begin_authorization", "test_nobody_gives_way_to_what_is_known")
class KnownCountsTwice(HealthyStore):
    """A begin that is repeated after a lost reply makes an older tab's state void."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        known = pending.state_hash in self.begun
        await super().begin_authorization(pending, ttl, at_most=max(1, at_most - known))


@broken("begin_authorization", "test_many_at_once_are_no_more")
class CountedBefore(HealthyStore):
    """All look, all find room, all write."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        room = at_most - len(self.begun)
        await asyncio.sleep(0)
        await super().begin_authorization(pending, ttl, at_most=MANY if room > 0 else at_most)


@broken("begin_authorization", "test_no_bound_is_below_one")
class NoneKept(HealthyStore):
    """Everybody is sent away, and nobody's callback is known."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        await super().begin_authorization(pending, ttl, at_most=max(1, at_most))


@broken("begin_authorization", "test_a_cancelled_begin_makes_no_crowd")
class OnlyOneGivesWay(HealthyStore):
    """Each call removes one at most: what a cancelled call has left stays too many."""

    async def begin_authorization(self, pending, ttl, *, at_most=MOST_BEGUN):
        before = {state: begun for state, begun in self.begun.items() if state != pending.state_hash}
        known = pending.state_hash in self.begun
        await super().begin_authorization(pending, ttl, at_most=MANY)
        await asyncio.sleep(0)
        mine = [state for state, begun in before.items() if begun.pending.key.user_id == pending.key.user_id]
        if not known and len(mine) >= at_most:
            self.begun.pop(mine[0], None)


@broken("find_authorization", "test_what_was_begun_is_found_and_stays")
class FindTakes(HealthyStore):
    """A look spends the state."""

    async def find_authorization(self, state_hash, *, user_id=None):
        outcome = await super().find_authorization(state_hash, user_id=user_id)
        if isinstance(outcome, Waiting):
            await self.take_authorization(state_hash)
        return outcome


@broken("find_authorization", "test_what_was_begun_is_found_and_stays")
class SaltShown(HealthyStore):
    """Whoever looks can derive the verifier."""

    async def find_authorization(self, state_hash, *, user_id=None):
        outcome = await super().find_authorization(state_hash, user_id=user_id)
        return Waiting(self.begun[state_hash].pending) if isinstance(outcome, Waiting) else outcome


@broken("find_authorization", "test_what_cannot_be_taken_is_not_found")
class FoundByAnybody(HealthyStore):
    """Another user is told what the callback of a victim's is about."""

    async def find_authorization(self, state_hash, *, user_id=None):
        return await super().find_authorization(state_hash)


@broken("find_authorization", "test_what_cannot_be_taken_is_not_found")
class TakenFound(HealthyStore):
    """A second callback is checked as if it were the first, and then told something else."""

    async def find_authorization(self, state_hash, *, user_id=None):
        outcome = await super().find_authorization(state_hash, user_id=user_id)
        return Waiting(self.begun[state_hash].pending) if outcome == AlreadyTaken() else outcome


@broken("find_authorization", "test_what_has_expired_is_not_found")
class ExpiredUnknown(HealthyStore):
    """Whoever took too long is told to have forged a state."""

    async def find_authorization(self, state_hash, *, user_id=None):
        outcome = await super().find_authorization(state_hash, user_id=user_id)
        return NoSuchState() if outcome == StateExpired() else outcome
