"""``claim`` and ``release``: one exchange at a time, and none forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth.domain.outcomes import Absent, Claimed, Held, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.harness import (
    BRIEF,
    KEY,
    TTL,
    StoreHarness,
    claimed,
    claimed_after_lapse,
    settled,
    tokens,
    with_store,
)


class LeaseContract(StoreHarness):
    """The lease as write-ahead intent."""

    @with_store
    async def test_a_claim_returns_the_link(self, store: LinkStore) -> None:
        """The claimed link is the one stored, its version and times untouched."""
        put = await store.put(KEY, tokens())
        claim = await claimed(store)
        assert claim.unresolved_for is None
        assert claim.link == await store.get(KEY)
        assert (claim.link.tokens, claim.link.version) == (put.tokens, 1)
        assert (claim.link.created_at, claim.link.updated_at) == (put.created_at, put.updated_at)
        assert claim.link.pending is not None
        assert claim.link.pending.live

    @with_store
    async def test_a_live_lease_keeps_others_out(self, store: LinkStore) -> None:
        """Another owner is told how long the lease lasts, and changes nothing."""
        await store.put(KEY, tokens())
        await claimed(store)
        outcome = await store.claim(KEY, 1, "owner-2", TTL)
        assert isinstance(outcome, Held)
        assert timedelta(0) < outcome.remaining <= TTL
        assert await store.release(KEY, 1, "owner-2") is False
        assert await store.release(KEY, 1, "owner-1") is True

    @with_store
    async def test_one_of_many_claims_wins(self, store: LinkStore) -> None:
        """Of simultaneous claims by different owners one gets the lease."""
        await store.put(KEY, tokens())
        claims = (store.claim(KEY, 1, f"owner-{number}", TTL) for number in range(20))
        outcomes = await asyncio.gather(*claims)
        assert sum(isinstance(outcome, Claimed) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Held) for outcome in outcomes) == 19

    @with_store
    async def test_claims_of_another_version_are_stale(self, store: LinkStore) -> None:
        """Who has read an old version gets the link as it is now, and no lease."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        assert await store.claim(KEY, 1, "owner-1", TTL) == Stale(newer)
        assert await store.claim(KEY, 3, "owner-1", TTL) == Stale(newer)
        assert settled(await store.get(KEY)).pending is None

    @with_store
    async def test_stale_wins_over_held(self, store: LinkStore) -> None:
        """A newer version is worth more than news of its lease."""
        await store.put(KEY, tokens(1))
        await store.put(KEY, tokens(2))
        await claimed(store, 2)
        assert isinstance(await store.claim(KEY, 1, "owner-2", TTL), Stale)

    @with_store
    async def test_claims_of_nothing_are_absent(self, store: LinkStore) -> None:
        """A claim makes no link."""
        assert await store.claim(KEY, 1, "owner-1", TTL) == Absent()
        assert await store.get(KEY) is None

    @with_store
    async def test_an_owner_renews_its_lease(self, store: LinkStore) -> None:
        """The same owner may claim again; its own claim is no unresolved exchange."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=timedelta(minutes=5))
        again = await claimed(store, ttl=TTL)
        assert again.unresolved_for is None
        held = await store.claim(KEY, 1, "owner-2", TTL)
        assert isinstance(held, Held)
        assert held.remaining <= TTL

    @with_store
    async def test_a_lapsed_lease_is_an_unresolved_exchange(self, store: LinkStore) -> None:
        """The next owner learns that an earlier exchange began, how long ago, and gets the lease."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        claim = await claimed_after_lapse(store, "owner-2")
        assert claim.unresolved_for is not None
        assert claim.unresolved_for >= BRIEF
        assert isinstance(await store.claim(KEY, 1, "owner-3", TTL), Held)

    @with_store
    async def test_a_lapsed_owner_cannot_release_the_next(self, store: LinkStore) -> None:
        """Release is by owner: the lease of whoever came after stays."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        await claimed_after_lapse(store, "owner-2")
        assert await store.release(KEY, 1, "owner-1") is False
        assert isinstance(await store.claim(KEY, 1, "owner-3", TTL), Held)

    @with_store
    async def test_release_after_a_known_outcome_leaves_no_trace(self, store: LinkStore) -> None:
        """After a release the lease is free, and nothing is unresolved."""
        await store.put(KEY, tokens())
        await claimed(store)
        assert await store.release(KEY, 1, "owner-1") is True
        assert settled(await store.get(KEY)).pending is None
        assert (await claimed(store, owner="owner-2")).unresolved_for is None

    @with_store
    async def test_release_after_an_unknown_outcome_is_remembered(self, store: LinkStore) -> None:
        """The lease is free at once, but the next owner learns of the unresolved exchange."""
        await store.put(KEY, tokens())
        await claimed(store)
        assert await store.release(KEY, 1, "owner-1", unresolved=True) is True
        pending = settled(await store.get(KEY)).pending
        assert pending is not None
        assert not pending.live
        assert (await claimed(store, owner="owner-2")).unresolved_for is not None

    @with_store
    async def test_an_unresolved_exchange_outlives_later_known_ones(self, store: LinkStore) -> None:
        """A later exchange with a known outcome does not resolve the earlier one; the oldest counts."""
        await store.put(KEY, tokens())
        await claimed(store)
        await store.release(KEY, 1, "owner-1", unresolved=True)
        first = settled(await store.get(KEY)).pending
        for owner, unresolved in (("owner-2", False), ("owner-3", True), ("owner-4", False)):
            assert (await claimed(store, owner=owner)).unresolved_for is not None
            await store.release(KEY, 1, owner, unresolved=unresolved)
            assert settled(await store.get(KEY)).pending == first

    @with_store
    async def test_release_happens_once(self, store: LinkStore) -> None:
        """A second release, one of another version, and one of nothing do nothing."""
        assert await store.release(KEY, 1, "owner-1") is False
        await store.put(KEY, tokens(1))
        await claimed(store)
        assert await store.release(KEY, 2, "owner-1") is False
        assert await store.release(KEY, 1, "owner-1") is True
        assert await store.release(KEY, 1, "owner-1") is False

    @with_store
    async def test_a_lease_is_for_some_time_and_for_somebody(self, store: LinkStore) -> None:
        """A lease that lapses at once or that nobody owns guards nothing and is refused."""
        await store.put(KEY, tokens())
        for ttl in (timedelta(0), timedelta(seconds=-1)):
            with pytest.raises(ValueError, match="ttl"):
                await store.claim(KEY, 1, "owner-1", ttl)
        with pytest.raises(ValueError, match="owner"):
            await store.claim(KEY, 1, "", TTL)
        assert settled(await store.get(KEY)).pending is None
