"""``release``: ending a lease of one's own, and remembering what is not known."""

from __future__ import annotations

from extauth.domain.link import PendingExchange
from extauth.domain.outcomes import Held
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    BRIEF,
    DEAD,
    KEY,
    TTL,
    claimed,
    claimed_after_lapse,
    released,
    stored,
    tokens,
)


class ReleasingContract(StoreHarness):
    """Ends of leases."""

    @with_store
    async def test_release_after_a_known_outcome_leaves_no_trace(self, store: LinkStore) -> None:
        """After a release the lease is free, and nothing is unresolved."""
        before = await store.put(KEY, tokens())
        await claimed(store)
        await released(store)
        expect(await store.get(KEY), before, "release must leave the link as if it had not been claimed")
        claim = await claimed(store, owner="owner-2")
        expect(claim.unresolved_for, None, "claim after a release must know of no earlier exchange")

    @with_store
    async def test_release_after_an_unknown_outcome_is_remembered(self, store: LinkStore) -> None:
        """The lease is free at once, but the next owner learns of the unresolved exchange."""
        await store.put(KEY, tokens())
        began = (await claimed(store)).link.pending
        await released(store, unresolved=True)
        promise = "release with unresolved must remember the exchange"
        pending = expect_kind((await stored(store)).pending, PendingExchange, promise)
        expect(pending.live, False, "release with unresolved must end the lease")
        expect_that(
            began is not None and pending.since == began.since,
            "release with unresolved must remember when the exchange began",
            f"it was {began!r} and became {pending!r}",
        )
        claim = await claimed(store, owner="owner-2")
        expect_that(
            claim.unresolved_for is not None,
            "claim after a release with unresolved must report the exchange",
            "unresolved_for was None",
        )

    @with_store
    async def test_an_owner_learns_of_its_own_unresolved_exchange(self, store: LinkStore) -> None:
        """What its owner released as unresolved counts for that owner too."""
        await store.put(KEY, tokens())
        await claimed(store)
        await released(store, unresolved=True)
        claim = await claimed(store)
        expect_that(
            claim.unresolved_for is not None,
            "claim by the owner that released with unresolved must report the exchange",
            "unresolved_for was None",
        )

    @with_store
    async def test_an_unresolved_exchange_outlives_later_known_ones(self, store: LinkStore) -> None:
        """A later exchange with a known outcome does not resolve the earlier one; the oldest counts."""
        await store.put(KEY, tokens())
        await claimed(store)
        await released(store, unresolved=True)
        first = (await stored(store)).pending
        for owner, unresolved in (("owner-2", False), ("owner-3", True), ("owner-4", False)):
            claim = await claimed(store, owner=owner)
            expect_that(
                claim.unresolved_for is not None,
                "claim must report an unresolved exchange until a save or a put",
                "unresolved_for was None",
            )
            await released(store, owner, unresolved=unresolved)
            now = (await stored(store)).pending
            expect(now, first, "release must leave an earlier owner's unresolved exchange")

    @with_store
    async def test_release_touches_nothing_but_the_lease(self, store: LinkStore) -> None:
        """Tokens, version, mark and times stay."""
        await store.put(KEY, tokens())
        await store.record_failure(KEY, 1, DEAD)
        before = await stored(store)
        await claimed(store)
        await released(store)
        expect(await store.get(KEY), before, "release must touch nothing but the lease")

    @with_store
    async def test_release_is_by_owner(self, store: LinkStore) -> None:
        """Nobody ends another's lease, or calls another's exchange unresolved."""
        await store.put(KEY, tokens())
        await claimed(store)
        before = await stored(store)
        for unresolved in (False, True):
            gave = await store.release(KEY, 1, "owner-2", unresolved=unresolved)
            expect(gave, False, "release by another than the lease's owner must return False")
            expect(await store.get(KEY), before, "release by another than the lease's owner must do nothing")
        outcome = await store.claim(KEY, 1, "owner-3", TTL)
        expect_kind(outcome, Held, "release by another must leave the lease live: claim")

    @with_store
    async def test_a_lapsed_owner_cannot_release_the_next(self, store: LinkStore) -> None:
        """The lease of whoever came after stays."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        await claimed_after_lapse(store, "owner-2")
        gave = await store.release(KEY, 1, "owner-1")
        expect(gave, False, "release by an owner whose lease was taken over must return False")
        outcome = await store.claim(KEY, 1, "owner-3", TTL)
        expect_kind(outcome, Held, "release by a former owner must leave the next one's lease live: claim")

    @with_store
    async def test_release_happens_once(self, store: LinkStore) -> None:
        """A second release, and one of another version, do nothing."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        before = await stored(store)
        gave = await store.release(KEY, 2, "owner-1")
        expect(gave, False, "release of another version must return False")
        expect(await store.get(KEY), before, "release of another version must do nothing")
        await released(store)
        gave = await store.release(KEY, 1, "owner-1")
        expect(gave, False, "release repeated must return False")

    @with_store
    async def test_a_late_release_leaves_a_newer_lease(self, store: LinkStore) -> None:
        """An owner that ends an old exchange does not end the one it has begun on the next version."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        await store.put(KEY, tokens(2))
        await claimed(store, 2)
        gave = await store.release(KEY, 1, "owner-1")
        expect(gave, False, "release of an old version must return False")
        outcome = await store.claim(KEY, 2, "owner-2", TTL)
        expect_kind(outcome, Held, "release of an old version must leave the newer lease live: claim")
