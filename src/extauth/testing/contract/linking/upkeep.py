"""``forget_authorizations`` and ``purge_authorizations``: what is no longer wanted goes, and nothing else."""

from __future__ import annotations

import asyncio

from extauth.domain.link import LinkKey
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_outcomes import AlreadyTaken, NoSuchState, StateExpired, Taken
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_kind, expect_that, fail
from extauth.testing.contract.interruptions import interrupted, moments
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import LONGER_WAITS, begun, pending, purged, taken
from extauth.testing.contract.steps import BRIEF, KEY, TTL, burdened


class AuthorizationUpkeepContract(LinkingHarness):
    """The end of authorizations."""

    @with_linking_store
    async def test_forgotten_authorizations_are_unknown(self, store: Store) -> None:
        """All that are pending for a link go, and no other link's."""
        keys = [LinkKey("gitlab", "alice"), LinkKey("github", "bob"), LinkKey("github/work", "alice")]
        others = [await begun(store, number, key=key) for number, key in enumerate(keys)]
        forgotten = [await begun(store, number) for number in (7, 8)]
        promise = "forget_authorizations must return how many it removed"
        expect(await store.forget_authorizations(KEY), 2, promise)
        for authorization in forgotten:
            outcome = await store.take_authorization(authorization.state_hash)
            expect(
                outcome,
                NoSuchState(),
                "forget_authorizations must remove what is pending: take_authorization",
            )
        expect(await store.forget_authorizations(KEY), 0, promise)
        for other in others:
            outcome = await store.take_authorization(other.state_hash)
            expect(outcome, Taken(other), "forget_authorizations must leave those of other links")

    @with_linking_store
    async def test_what_was_taken_is_not_forgotten(self, store: Store) -> None:
        """It is no longer pending: a second callback with it is still told apart from a forged one."""
        authorization = await begun(store)
        await taken(store, authorization)
        count = await store.forget_authorizations(KEY)
        expect(count, 0, "forget_authorizations must not count what was taken")
        outcome = await store.take_authorization(authorization.state_hash)
        promise = "forget_authorizations must leave what was taken: take_authorization"
        expect(outcome, AlreadyTaken(), promise)

    @with_linking_store
    async def test_what_has_expired_is_purged(self, store: Store) -> None:
        """Nothing else is, and it is counted."""
        lasting = await begun(store, 1)
        await store.begin_authorization(pending(2), BRIEF)
        expect(await purged(store), 1, "purge_authorizations must return how many it removed")
        expect(await store.purge_authorizations(), 0, "purge_authorizations repeated must find nothing")
        outcome = await store.take_authorization(pending(2).state_hash)
        expect(
            outcome, NoSuchState(), "purge_authorizations must remove what has expired: take_authorization"
        )
        outcome = await store.take_authorization(lasting.state_hash)
        expect(outcome, Taken(lasting), "purge_authorizations must leave what has not expired")
        expect(
            await store.purge_authorizations(),
            0,
            "purge_authorizations must leave what was taken, in its time",
        )

    @with_linking_store
    async def test_what_was_taken_is_purged_in_its_time(self, store: Store) -> None:
        """It is remembered no longer than it could have been taken."""
        authorization = await _taken_briefly(store)
        for wait in LONGER_WAITS:
            await store.purge_authorizations()
            outcome = await store.take_authorization(authorization.state_hash)
            if outcome == NoSuchState():
                return
            await asyncio.sleep(wait)
        promise = "purge_authorizations must remove what was taken when it has expired"
        fail(promise, "take_authorization still knows it")

    @with_linking_store
    async def test_authorizations_touch_no_link(self, store: Store) -> None:
        """The link that the user has stays as it is, whatever becomes of a new authorization."""
        before = await burdened(store)
        for number in (1, 2):
            await begun(store, number)
        expect(await store.get(KEY), before, "begin_authorization must touch no link")
        await store.find_authorization("hash-1")
        expect(await store.get(KEY), before, "find_authorization must touch no link")
        await store.take_authorization("hash-1")
        expect(await store.get(KEY), before, "take_authorization must touch no link")
        await store.forget_authorizations(KEY)
        expect(await store.get(KEY), before, "forget_authorizations must touch no link")
        await store.begin_authorization(pending(3), BRIEF)
        await purged(store)
        expect(await store.get(KEY), before, "purge_authorizations must touch no link")

    @with_linking_store
    async def test_a_cancelled_begin_can_be_repeated(self, store: Store) -> None:
        """The authorization is there as a whole afterwards, once."""
        for number, (key, turns) in enumerate(moments()):
            authorization = pending(number, key=key, scopes={"a"}, resources=("r",))
            await interrupted(store.begin_authorization(authorization, TTL), turns)
            await store.begin_authorization(authorization, TTL)
            outcome = await store.take_authorization(authorization.state_hash)
            promise = "begin_authorization repeated after a cancelled one must be whole: take_authorization"
            expect(outcome, Taken(authorization), promise)

    @with_linking_store
    async def test_a_cancelled_take_is_all_or_nothing(self, store: Store) -> None:
        """It was taken, or is there to be taken as it was begun."""
        for number, (_, turns) in enumerate(moments()):
            authorization = await begun(store, number)
            await interrupted(store.take_authorization(authorization.state_hash), turns)
            outcome = await store.take_authorization(authorization.state_hash)
            promise = "take_authorization that was cancelled must take the authorization or leave it whole"
            expect_that(
                outcome in (AlreadyTaken(), Taken(authorization)), promise, f"the next one gave {outcome!r}"
            )
            again = await store.take_authorization(authorization.state_hash)
            expect_kind(again, AlreadyTaken, "take_authorization must give Taken once and then AlreadyTaken")


async def _taken_briefly(store: Store) -> PendingAuthorization:
    """Take an authorization with as short a ttl as leaves the time for it."""
    number = 0
    while True:
        authorization = pending(number)
        await store.begin_authorization(authorization, BRIEF * 2**number)
        outcome = await store.take_authorization(authorization.state_hash)
        if isinstance(outcome, Taken):
            return authorization
        promise = "take_authorization must give Taken, or StateExpired if it came late"
        expect(outcome, StateExpired(), promise)
        number += 1
