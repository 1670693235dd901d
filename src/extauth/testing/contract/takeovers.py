"""``claim`` with ``takeover``, and ``time``: for who claims and cannot believe the store's clock."""

from __future__ import annotations

from datetime import timedelta

from extauth.domain.outcomes import Claimed, Held, SeenLease
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import BRIEF, KEY, TTL, claimed, lapsed, released, tokens


class TakeoverContract(StoreHarness):
    """Leases that another owner has, or left."""

    @with_store
    async def test_a_lapsed_lease_can_be_left_alone(self, store: LinkStore) -> None:
        """Who asks to take none over is told which there is, and changes nothing."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        before = await lapsed(store)
        held = await _held(store)
        expect_that(
            held.remaining <= timedelta(0),
            "claim with takeover=False must say of a lapsed lease that nothing is left of it",
            f"it said {held.remaining}",
        )
        expect(await store.get(KEY), before, "claim that takes nothing over must change nothing")
        again = await _held(store)
        expect(again.lease, held.lease, "claim must say of an unchanged lease that it is the same")

    @with_store
    async def test_what_needs_no_takeover(self, store: LinkStore) -> None:
        """A free lease and one's own are had with takeover=False, as ever."""
        await store.put(KEY, tokens())
        for _ in range(2):
            outcome = await store.claim(KEY, 1, "owner-1", TTL, takeover=False)
            expect_kind(outcome, Claimed, "claim of a free lease, or the own, must give Claimed")
        await released(store)
        outcome = await store.claim(KEY, 1, "owner-2", TTL, takeover=False)
        expect_kind(outcome, Claimed, "claim with takeover=False of a released lease must give Claimed")

    @with_store
    async def test_a_lease_that_was_seen_is_taken_over(self, store: LinkStore) -> None:
        """Whatever the store's clock says of it; it is an unresolved exchange then."""
        await store.put(KEY, tokens())
        await claimed(store)
        seen = (await _held(store)).lease
        expect_that(seen is not None, "claim must say in Held which lease it is", "lease was None")
        outcome = await store.claim(KEY, 1, "owner-2", TTL, takeover=seen or False)
        claim = expect_kind(outcome, Claimed, "claim that takes over the lease there is must give Claimed")
        expect_that(
            claim.unresolved_for is not None,
            "claim that takes a live lease over must report the earlier exchange",
            "unresolved_for was None",
        )
        gave = await store.release(KEY, 1, "owner-1")
        expect(gave, False, "release by an owner whose lease was taken over must return False")

    @with_store
    async def test_another_lease_is_not(self, store: LinkStore) -> None:
        """One that was renewed, or is another owner's, is not the one that was seen."""
        await store.put(KEY, tokens())
        await claimed(store)
        seen = (await _held(store)).lease
        await claimed(store, ttl=TTL * 2)
        renewed = (await _held(store, takeover=seen or False)).lease
        expect_that(renewed != seen, "claim must tell a renewed lease from what it was", f"both were {seen}")
        await released(store)
        await claimed(store, owner="owner-3")
        other = (await _held(store, takeover=renewed or False)).lease
        expect(other and other.owner, "owner-3", "claim must say in Held who has the lease")

    @with_store
    async def test_the_stores_clock_can_be_read(self, store: LinkStore) -> None:
        """It is the one that leases end by, and outcomes of claims say what it was."""
        await store.put(KEY, tokens())
        before = await store.time()
        expect_that(before.tzinfo is not None, "time must return an aware time", f"it returned {before!r}")
        at = (await claimed(store, ttl=TTL)).at
        after = await store.time()
        expect_that(
            at is not None and before <= at <= after,
            "time must tell the clock that claims go by",
            f"Claimed said {at}, between {before} and {after}",
        )
        held = await _held(store)
        last = await store.time()
        expires_at = before if held.lease is None else held.lease.expires_at
        expect_that(
            before + TTL <= expires_at <= after + TTL and after <= expires_at - held.remaining <= last,
            "claim must say in Held when the lease ends",
            f"it ends at {expires_at} with {held.remaining} left, at {after}",
        )


async def _held(store: LinkStore, *, takeover: SeenLease | bool = False) -> Held:
    outcome = await store.claim(KEY, 1, "owner-2", TTL, takeover=takeover)
    return expect_kind(outcome, Held, "claim that may not take over the lease that is there must give Held")
