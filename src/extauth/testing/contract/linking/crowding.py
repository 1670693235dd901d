"""``begin_authorization`` again and again: no user fills the store, and none is crowded out by another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from extauth.domain.link import LinkKey
from extauth.domain.linking import MOST_BEGUN, PendingAuthorization
from extauth.domain.linking_outcomes import NoSuchState, Waiting
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_refusal, expect_that, fail
from extauth.testing.contract.interruptions import interrupted, moments
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import LONGER_WAITS, begun, pending, taken
from extauth.testing.contract.linking.witness import linking_beneath
from extauth.testing.contract.steps import TTL

_GIVES_WAY = "begin_authorization must let the user's oldest give way beyond at_most"


class CrowdedAuthorizationsContract(LinkingHarness):
    """Many authorizations of one user."""

    @with_linking_store
    async def test_the_oldest_gives_way(self, store: Store) -> None:
        """Whatever links they are for, no more of a user's stay than at_most, and the newest do."""
        keys = [LinkKey("github", "alice"), LinkKey("gitlab", "alice"), LinkKey("github/work", "alice")]
        authorizations = [pending(number, key=keys[number % 3]) for number in range(7)]
        for number, authorization in enumerate(authorizations):
            await store.begin_authorization(authorization, TTL, at_most=3)
            stay = await _waiting(store, authorizations)
            expect(stay, authorizations[max(0, number - 2) : number + 1], _GIVES_WAY)
        for authorization in authorizations[-3:]:
            await taken(store, authorization, user_id="alice")

    @with_linking_store
    async def test_there_is_a_bound_by_default(self, store: Store) -> None:
        """Who says nothing of it gets one, too."""
        authorizations = [pending(number) for number in range(MOST_BEGUN + 2)]
        for authorization in authorizations:
            await linking_beneath(store).begin_authorization(authorization, TTL)
        stay = await _waiting(store, authorizations)
        expect(stay, authorizations[2:], f"{_GIVES_WAY}, which is {MOST_BEGUN} by default")

    @with_linking_store
    async def test_no_other_user_gives_way(self, store: Store) -> None:
        """However many one user begins."""
        users = ["bob", "ALICE", "alice ", "a"]
        others = [
            await begun(store, number, key=LinkKey("github", user)) for number, user in enumerate(users)
        ]
        for number in range(10, 20):
            await store.begin_authorization(pending(number), TTL, at_most=1)
        stay = await _waiting(store, others)
        expect(stay, others, "begin_authorization must leave other users' authorizations")

    @with_linking_store
    async def test_what_was_taken_gives_way_too(self, store: Store) -> None:
        """It is remembered for a second callback, not to fill the store."""
        first = await begun(store, 1)
        await taken(store, first)
        for number in (2, 3):
            await store.begin_authorization(pending(number), TTL, at_most=2)
        outcome = await store.take_authorization(first.state_hash)
        expect(outcome, NoSuchState(), f"{_GIVES_WAY}, taken or not: take_authorization")

    @with_linking_store
    async def test_the_newest_never_gives_way(self, store: Store) -> None:
        """Also if it expires before all others."""
        authorizations = [await begun(store, number) for number in (1, 2)]
        last = pending(3)
        await store.begin_authorization(last, TTL / 2, at_most=2)
        stay = await _waiting(store, [*authorizations, last])
        promise = "begin_authorization must keep what it was given, beside what expires last"
        expect(stay, [authorizations[1], last], promise)

    @with_linking_store
    async def test_nobody_gives_way_to_what_is_known(self, store: Store) -> None:
        """Beginning again what is there makes no crowd."""
        authorizations = [await begun(store, number) for number in (1, 2, 3)]
        for authorization in authorizations:
            await store.begin_authorization(authorization, TTL, at_most=3)
        stay = await _waiting(store, authorizations)
        expect(stay, authorizations, "begin_authorization of what is known must let nothing give way")

    @with_linking_store
    async def test_many_at_once_are_no_more(self, store: Store) -> None:
        """Of simultaneous calls of one user no more stay than at_most."""
        for at_most in (1, 5):
            authorizations = [pending(100 * at_most + number) for number in range(20)]
            await asyncio.gather(
                *(store.begin_authorization(each, TTL, at_most=at_most) for each in authorizations)
            )
            stay = len(await _waiting(store, authorizations))
            promise = f"begin_authorization 20 times at once must leave at most {at_most}"
            expect_that(stay <= at_most, promise, f"{stay} stayed")

    @with_linking_store
    async def test_no_bound_is_below_one(self, store: Store) -> None:
        """It would forget what it was given."""
        for at_most in (0, -1):
            call = linking_beneath(store).begin_authorization(pending(), TTL, at_most=at_most)
            promise = f"begin_authorization with at_most={at_most} must raise ValueError"
            await expect_refusal(call, promise)
            stay = await _waiting(store, [pending()])
            expect(stay, [], f"{promise} and remember nothing")

    @with_linking_store
    async def test_a_cancelled_begin_makes_no_crowd(self, store: Store) -> None:
        """What it left too many goes with the next."""
        for number, (key, turns) in enumerate(moments()):
            first, cut_short, last = (pending(10 * number + turn, key=key) for turn in range(3))
            await store.begin_authorization(first, TTL, at_most=1)
            await interrupted(store.begin_authorization(cut_short, TTL, at_most=1), turns)
            await _alone(store, last, first, cut_short)


async def _alone(store: Store, last: PendingAuthorization, *others: PendingAuthorization) -> None:
    """Begin until it is the only one: what was cancelled may be carried out a little later."""
    for wait in LONGER_WAITS:
        await store.begin_authorization(last, TTL, at_most=1)
        stay = await _waiting(store, [*others, last])
        if stay == [last]:
            return
        await asyncio.sleep(wait)
    fail(f"{_GIVES_WAY}, also after a cancelled call", "others stayed")


async def _waiting(
    store: Store, authorizations: Iterable[PendingAuthorization]
) -> list[PendingAuthorization]:
    """Return those that can be taken still."""
    found = [(each, await store.find_authorization(each.state_hash)) for each in authorizations]
    return [each for each, outcome in found if isinstance(outcome, Waiting)]
