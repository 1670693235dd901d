"""``wait_for_change``: noticing that another replica's exchange has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from extauth.domain.link import Link, LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_link, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    BRIEF,
    DEAD,
    KEY,
    TTL,
    claimed,
    released,
    saved,
    stored,
    tokens,
)

LONG = timedelta(minutes=5)
"""Longer than a test may take: a wait that doesn't end by itself fails."""


class WaitingContract(StoreHarness):
    """Waiters on other replicas."""

    @with_store
    async def test_nothing_to_wait_for(self, store: LinkStore) -> None:
        """Without a live lease on that version the wait ends at once."""
        gave = await store.wait_for_change(KEY, 1, LONG)
        expect(gave, None, "wait_for_change of a link that is not there must return None")
        link = await store.put(KEY, tokens())
        gave = await store.wait_for_change(KEY, 1, LONG)
        expect(gave, link, "wait_for_change without a lease must return the link at once")
        await claimed(store)
        gave = await store.wait_for_change(KEY, 7, LONG)
        expect(gave, await stored(store), "wait_for_change of another version must return the link at once")

    @with_store
    async def test_a_save_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets the new link, at whatever moment of its wait the save comes."""
        for steps in range(12):
            key = LinkKey("github", f"user-{steps}")
            waiter = await _waiting(store, steps, key)
            link = await saved(store, 1, tokens(2), key)
            expect(await waiter, link, "wait_for_change must return the link that a save has made")

    @with_store
    async def test_an_authorization_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets what the user authorized."""
        waiter = await _waiting(store)
        link = await store.put(KEY, tokens(2))
        expect(await waiter, link, "wait_for_change must return the link that a put has made")

    @with_store
    async def test_an_unlink_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets None."""
        waiter = await _waiting(store)
        await store.delete(KEY)
        expect(await waiter, None, "wait_for_change must return None when the link was removed")

    @with_store
    async def test_a_release_ends_the_wait(self, store: LinkStore) -> None:
        """A holder that failed and says so leaves nothing to wait for."""
        for steps, unresolved in enumerate((False, True)):
            key = LinkKey("github", f"user-{steps}")
            waiter = await _waiting(store, steps, key)
            await released(store, unresolved=unresolved, key=key)
            gave = await waiter
            expect(
                gave, await stored(store, key), "wait_for_change must return the link once it was released"
            )

    @with_store
    async def test_a_lapse_ends_the_wait(self, store: LinkStore) -> None:
        """A holder that crashed is waited for as long as its lease."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=timedelta(milliseconds=50))
        link = expect_link(await store.wait_for_change(KEY, 1, LONG), "wait_for_change must return the link")
        expect_that(
            link.pending is not None and not link.pending.live,
            "wait_for_change must return the link when the lease has lapsed",
            f"pending was {link.pending!r}",
        )

    @with_store
    async def test_time_ends_the_wait(self, store: LinkStore) -> None:
        """When the time to wait is up the waiter gets the link as it is."""
        await store.put(KEY, tokens())
        await claimed(store)
        for timeout in (BRIEF, timedelta(0)):
            gave = await store.wait_for_change(KEY, 1, timeout)
            expect(gave, await stored(store), f"wait_for_change must return the link after {timeout}")

    @with_store
    async def test_what_ends_no_exchange_ends_no_wait(self, store: LinkStore) -> None:
        """Marks, re-encryption, refused claims and a renewed lease are no end of the exchange."""
        waiter = await _waiting(store)
        harmless: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: store.record_failure(KEY, 1, DEAD),
            lambda: store.reseal(KEY, 1, tokens(1)),
            lambda: store.claim(KEY, 1, "owner-2", TTL),
            lambda: claimed(store),
            lambda: store.lift_failure("github"),
        )
        for act in harmless:
            await act()
            for _ in range(5):
                await asyncio.sleep(0)
        promise = "wait_for_change must wait on while the lease is live"
        expect_that(not waiter.done(), promise, "a write that ended no exchange ended the wait")
        link = await saved(store, 1, tokens(2))
        expect(await waiter, link, promise)

    @with_store
    async def test_waiting_changes_nothing(self, store: LinkStore) -> None:
        """A waiter only reads, also one that gives up or is cancelled."""
        waiter = await _waiting(store)
        before = await stored(store)
        waiter.cancel()
        await asyncio.wait({waiter})
        await store.wait_for_change(KEY, 1, BRIEF)
        expect(await store.get(KEY), before, "wait_for_change must change nothing")
        link = await saved(store, 1, tokens(2))
        gave = await store.wait_for_change(KEY, 1, LONG)
        expect(gave, link, "wait_for_change after a cancelled one must return the newer link")

    @with_store
    async def test_waiters_of_many_links_each_get_theirs(self, store: LinkStore) -> None:
        """Many waits at once end each with its own link; cancelling one touches no other."""
        keys = [LinkKey("github", f"user-{number}") for number in range(20)]
        for key in keys:
            await store.put(key, tokens(1))
            await claimed(store, key=key)
        waits = [asyncio.create_task(store.wait_for_change(key, 1, LONG)) for key in keys for _ in "ab"]
        await asyncio.sleep(0)
        waits[0].cancel()
        links = [await saved(store, 1, tokens(number), key) for number, key in enumerate(keys)]
        found = await asyncio.gather(*waits, return_exceptions=True)
        promise = "wait_for_change that was cancelled must end as cancelled"
        expect_kind(found[0], asyncio.CancelledError, promise)
        expected = [link for link in links for _ in "ab"]
        for gave, link in zip(found[1:], expected[1:], strict=True):
            if isinstance(gave, Exception):
                raise gave
            expect(gave, link, "wait_for_change must return the link of its own key")


async def _waiting(store: LinkStore, steps: int = 1, key: LinkKey = KEY) -> asyncio.Task[Link | None]:
    """Put and claim, and start a wait that has gone that many turns of the event loop."""
    await store.put(key, tokens(1))
    await claimed(store, key=key)
    waiter = asyncio.create_task(store.wait_for_change(key, 1, LONG))
    for _ in range(steps):
        await asyncio.sleep(0)
    return waiter
