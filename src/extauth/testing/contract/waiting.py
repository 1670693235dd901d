"""``wait_for_change``: noticing that another replica's exchange has ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.harness import (
    BRIEF,
    KEY,
    StoreHarness,
    claimed,
    settled,
    tokens,
    with_store,
)

LONG = timedelta(minutes=5)
"""Longer than a test may take: a wait that doesn't end by itself fails."""


class WaitingContract(StoreHarness):
    """Waiters on other replicas."""

    @with_store
    async def test_nothing_to_wait_for(self, store: LinkStore) -> None:
        """Without a live lease on that version the wait ends at once."""
        assert await store.wait_for_change(KEY, 1, LONG) is None
        link = await store.put(KEY, tokens())
        assert await store.wait_for_change(KEY, 1, LONG) == link
        await claimed(store)
        assert settled(await store.wait_for_change(KEY, 7, LONG)).version == 1

    @with_store
    async def test_a_save_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets the new link."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        waiter = asyncio.create_task(store.wait_for_change(KEY, 1, LONG))
        await asyncio.sleep(0)
        await store.save(KEY, 1, tokens(2))
        assert settled(await waiter).tokens == tokens(2)

    @with_store
    async def test_an_authorization_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets what the user authorized."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        waiter = asyncio.create_task(store.wait_for_change(KEY, 1, LONG))
        await asyncio.sleep(0)
        await store.put(KEY, tokens(2))
        assert settled(await waiter).tokens == tokens(2)

    @with_store
    async def test_an_unlink_ends_the_wait(self, store: LinkStore) -> None:
        """The waiter gets None."""
        await store.put(KEY, tokens())
        await claimed(store)
        waiter = asyncio.create_task(store.wait_for_change(KEY, 1, LONG))
        await asyncio.sleep(0)
        await store.delete(KEY)
        assert await waiter is None

    @with_store
    async def test_a_release_ends_the_wait(self, store: LinkStore) -> None:
        """A holder that failed and says so leaves nothing to wait for."""
        await store.put(KEY, tokens())
        await claimed(store)
        waiter = asyncio.create_task(store.wait_for_change(KEY, 1, LONG))
        await asyncio.sleep(0)
        await store.release(KEY, 1, "owner-1", unresolved=True)
        link = settled(await waiter)
        assert link.version == 1
        assert link.pending is not None
        assert not link.pending.live

    @with_store
    async def test_a_lapse_ends_the_wait(self, store: LinkStore) -> None:
        """A holder that crashed is waited for as long as its lease."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=timedelta(milliseconds=50))
        link = settled(await store.wait_for_change(KEY, 1, LONG))
        assert link.pending is not None
        assert not link.pending.live

    @with_store
    async def test_time_ends_the_wait(self, store: LinkStore) -> None:
        """When the time to wait is up the waiter gets the link as it is."""
        await store.put(KEY, tokens())
        await claimed(store)
        link = settled(await store.wait_for_change(KEY, 1, BRIEF))
        assert link.pending is not None
        assert link.pending.live

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
        for number, key in enumerate(keys):
            await store.save(key, 1, tokens(number))
        links = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(links[0], asyncio.CancelledError)
        expected = [(key, tokens(number)) for number, key in enumerate(keys) for _ in "ab"]
        found = [
            None if link is None or isinstance(link, BaseException) else (link.key, link.tokens)
            for link in links
        ]
        assert found[1:] == expected[1:]
