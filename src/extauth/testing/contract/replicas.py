"""Several store objects on one database, as several replicas have, or one that was restarted.

A store that overrides ``open_another`` runs these; they are skipped for others.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Claimed, Held, Saved, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, another, opened, with_replicas
from extauth.testing.contract.steps import (
    KEY,
    TTL,
    burdened,
    claimed,
    released,
    saved,
    stored,
    tokens,
)
from extauth.testing.contract.waiting import LONG


class ReplicasContract(StoreHarness):
    """The same promises across store objects."""

    @with_replicas
    async def test_a_replica_sees_what_another_wrote(self, store: LinkStore, other: LinkStore) -> None:
        """A read sees every write that returned before it, whichever replica made it."""
        link = await store.put(KEY, tokens(1))
        expect(await other.get(KEY), link, "get must see what another replica has put")
        for number in range(2, 12):
            link = await saved(store, link.version, tokens(number))
            expect(await other.get(KEY), link, "get must see what another replica has saved")
        expect(await other.links_of("alice"), [link], "links_of must see what another replica has saved")
        await other.delete(KEY)
        expect(await store.get(KEY), None, "get must see what another replica has deleted")

    @with_replicas
    async def test_a_claim_returns_what_another_replica_wrote(
        self, store: LinkStore, other: LinkStore
    ) -> None:
        """A claim goes by the newest version and returns it: no replica presents a used token."""
        await store.put(KEY, tokens(1))
        await stored(other)
        newer = await saved(store, 1, tokens(2))
        outcome = await other.claim(KEY, 1, "owner-2", TTL)
        expect(outcome, Stale(newer), "claim of a version that another replica replaced must give Stale")
        link = (await claimed(other, 2)).link
        expect(link.tokens, tokens(2), "claim must return the tokens that another replica has saved")

    @with_replicas
    async def test_a_lease_keeps_other_replicas_out(self, store: LinkStore, other: LinkStore) -> None:
        """One clock decides how long a lease lasts, whatever the replicas' clocks say."""
        await store.put(KEY, tokens())
        for holder, asker in ((store, other), (other, store)):
            await claimed(holder)
            outcome = await asker.claim(KEY, 1, "owner-2", TTL)
            promise = "claim while another replica's lease is live must give Held, by the store's own clock"
            remaining = expect_kind(outcome, Held, promise).remaining
            expect_that(
                timedelta(0) < remaining <= TTL,
                f"claim must say how long the lease of {TTL} still lasts, by the store's own clock",
                f"it said {remaining}",
            )
            await released(holder)

    @with_replicas
    async def test_one_claim_of_many_replicas_wins(self, store: LinkStore, other: LinkStore) -> None:
        """Of simultaneous claims from both replicas one gets the lease."""
        await store.put(KEY, tokens())
        claims = [
            replica.claim(KEY, 1, f"owner-{number}", TTL)
            for number, replica in enumerate([store, other] * 10)
        ]
        outcomes = await asyncio.gather(*claims)
        won = sum(isinstance(outcome, Claimed) for outcome in outcomes)
        held = sum(isinstance(outcome, Held) for outcome in outcomes)
        promise = "claim by 20 owners on two replicas must give one Claimed and 19 Held"
        expect_that((won, held) == (1, 19), promise, f"{won} were Claimed and {held} Held")

    @with_replicas
    async def test_one_save_of_many_replicas_wins(self, store: LinkStore, other: LinkStore) -> None:
        """Of simultaneous saves from both replicas one is stored; the others get it."""
        await store.put(KEY, tokens(1))
        saves = [
            replica.save(KEY, 1, tokens(number))
            for number, replica in enumerate([store, other] * 10, start=2)
        ]
        outcomes = await asyncio.gather(*saves)
        won = [outcome.link for outcome in outcomes if isinstance(outcome, Saved)]
        promise = "save of one version 20 times on two replicas must store one"
        expect_that(len(won) == 1, promise, f"{len(won)} won")
        for outcome in outcomes:
            if not isinstance(outcome, Saved):
                expect(outcome, Stale(won[0]), "save that lost must give Stale with the link that won")

    @with_replicas
    async def test_another_replicas_end_of_an_exchange_ends_the_wait(
        self, store: LinkStore, other: LinkStore
    ) -> None:
        """A save, an authorization, an unlink and a release elsewhere are noticed."""
        for how in ("save", "put", "release", "delete"):
            key = LinkKey("github", how)
            await store.put(key, tokens(1))
            await claimed(store, key=key)
            waiter = asyncio.create_task(other.wait_for_change(key, 1, LONG))
            await asyncio.sleep(0)
            expected: Link | None = None
            if how == "save":
                expected = await saved(store, 1, tokens(2), key)
            elif how == "put":
                expected = await store.put(key, tokens(2))
            elif how == "delete":
                await store.delete(key)
            else:
                await released(store, key=key)
                expected = await stored(store, key)
            expect(await waiter, expected, f"wait_for_change must notice the {how} of another replica")

    def test_what_returned_outlives_a_restart(self) -> None:
        """A write that returned is there when the store is opened again, with its marks."""
        asyncio.run(self._restart())

    async def _restart(self) -> None:
        if self.open_another() is None:
            pytest.skip("open_another() is not overridden: this store cannot be opened twice")
        async with opened(self) as (store,):
            link = await burdened(store)
            newer = await store.put(LinkKey("github", "bob"), tokens(1))
            newer = await saved(store, newer.version, tokens(2), newer.key)
            gone = await store.put(LinkKey("github", "carol"), tokens(1))
            await store.delete(gone.key)
        async with another(self) as store:
            expect(await store.get(KEY), link, "put, claim and record_failure must outlive a restart")
            expect(await store.get(newer.key), newer, "save must outlive a restart")
            expect(await store.get(gone.key), None, "delete must outlive a restart")
            outcome = await store.claim(KEY, 1, "owner-3", TTL)
            expect_kind(outcome, Held, "claim must be kept out by a lease from before a restart")
            again = (await store.put(gone.key, tokens(2))).version
            expect_that(
                again > gone.version,
                "put must never give a version that the key had before a restart",
                f"it gave {again} again",
            )
