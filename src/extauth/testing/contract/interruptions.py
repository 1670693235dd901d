"""Cancelled calls: carried out or not, never by half, and the store goes on working.

A cancelled call may still be carried out after its caller has gone, so that what it did is not asserted,
only that it is all or nothing, and that repeating the call settles it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Absent, Recorded, Resealed, Saved, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    DEAD,
    KEY,
    burdened,
    claimed,
    saved,
    stored,
    tokens,
)

MOMENTS = (0, 1, 2, 3, 5, 8, 13, 21)
"""After how many turns of the event loop a call is cancelled."""


class InterruptionsContract(StoreHarness):
    """What a cancellation leaves behind."""

    @with_store
    async def test_a_cancelled_read_takes_nobody_along(self, store: LinkStore) -> None:
        """Cancelling some of many simultaneous reads leaves the others, and the store, working."""
        link = await store.put(KEY, tokens())
        reads = [asyncio.create_task(store.get(KEY)) for _ in range(12)]
        await asyncio.sleep(0)
        for read in reads[::2]:
            read.cancel()
        await asyncio.wait(reads)
        for read in reads[1::2]:
            promise = "get must return the link though calls of others were cancelled"
            expect_that(not read.cancelled(), promise, "it was cancelled too")
            expect(read.result(), link, promise)
        expect(await store.get(KEY), link, "get must work after others were cancelled")

    @with_store
    async def test_a_cancelled_write_takes_nobody_along(self, store: LinkStore) -> None:
        """Cancelling some of many simultaneous saves leaves the others working."""
        keys = [LinkKey("github", f"user-{number}") for number in range(12)]
        for key in keys:
            await store.put(key, tokens(1))
        saves = [asyncio.create_task(store.save(key, 1, tokens(2))) for key in keys]
        await asyncio.sleep(0)
        for save in saves[::2]:
            save.cancel()
        await asyncio.wait(saves)
        for save in saves[1::2]:
            promise = "save must give Saved though saves of others were cancelled"
            expect_that(not save.cancelled(), promise, "it was cancelled too")
            expect_kind(save.result(), Saved, promise)

    @with_store
    async def test_a_cancelled_save_is_all_or_nothing(self, store: LinkStore) -> None:
        """Tokens, version, mark and lease change together, and repeating the save settles it."""
        for key, turns in moments():
            before = await burdened(store, key)
            await interrupted(store.save(key, 1, tokens(2)), turns)
            _whole(await stored(store, key), before, 2, "save")
            outcome = await store.save(key, 1, tokens(2))
            promise = "save repeated after a cancelled one must give Saved, or Stale with its own tokens"
            link = outcome.link if isinstance(outcome, Stale) else expect_kind(outcome, Saved, promise).link
            expect((link.version, link.tokens), (2, tokens(2)), promise)
            expect(await store.get(key), link, promise)

    @with_store
    async def test_a_cancelled_put_is_all_or_nothing(self, store: LinkStore) -> None:
        """An authorization is there as a whole or not at all, and can be repeated."""
        links = [(await burdened(store, key), turns) for key, turns in moments()]
        for before, turns in links:
            key = before.key
            await interrupted(store.put(key, tokens(2)), turns)
            _whole(await stored(store, key), before, 2, "put")
            link = await store.put(key, tokens(3))
            expect_that(
                link.version in (2, 3),
                "put repeated after a cancelled one must give the next version",
                f"it gave {link.version}",
            )
            expect(await store.get(key), link, "put repeated after a cancelled one must be stored")

    @with_store
    async def test_a_cancelled_delete_is_all_or_nothing(self, store: LinkStore) -> None:
        """The link is there or gone, the delete can be repeated, and its version does not come back."""
        # All first, and each at a higher version: once a link is gone, others may begin above its version.
        links = [
            (await _at_version(store, key, number), turns) for number, (key, turns) in enumerate(moments(), 1)
        ]
        for before, turns in links:
            key = before.key
            await interrupted(store.delete(key), turns)
            link = await store.get(key)
            if link is not None:
                expect(link, before, "delete that was cancelled must leave the link whole or remove it")
            await store.delete(key)
            expect(await store.get(key), None, "delete repeated after a cancelled one must remove the link")
            gave = await store.save(key, before.version, tokens(2))
            expect(gave, Absent(), "save after a cancelled delete and another must give Absent")
            again = (await store.put(key, tokens(3))).version
            expect_that(
                again > before.version,
                "put after a cancelled delete must give a version that the key has not had",
                f"it gave {again} after {before.version}",
            )

    @with_store
    async def test_a_cancelled_claim_can_be_repeated(self, store: LinkStore) -> None:
        """Its owner gets the lease then, and the claim of its own is no unresolved exchange."""
        for key, turns in moments():
            before = await store.put(key, tokens())
            await interrupted(claimed(store, key=key), turns)
            again = await claimed(store, key=key)
            promise = "claim repeated after a cancelled one must not count it as an exchange"
            expect(again.unresolved_for, None, promise)
            promise = "claim that was cancelled must leave tokens and version"
            expect((again.link.tokens, again.link.version), (before.tokens, before.version), promise)

    @with_store
    async def test_a_cancelled_release_can_be_repeated(self, store: LinkStore) -> None:
        """The lease is free afterwards, whichever of the two ended it."""
        for key, turns in moments():
            before = await store.put(key, tokens())
            await claimed(store, key=key)
            await interrupted(store.release(key, 1, "owner-1"), turns)
            await store.release(key, 1, "owner-1")
            promise = "release repeated after a cancelled one must leave the link as before the claim"
            expect(await store.get(key), before, promise)

    @with_store
    async def test_a_cancelled_mark_can_be_repeated(self, store: LinkStore) -> None:
        """The mark is whole or not there, and touches nothing else."""
        for key, turns in moments():
            before = await store.put(key, tokens())
            await interrupted(store.record_failure(key, 1, DEAD), turns)
            now = await stored(store, key)
            if now != before:
                promise = "record_failure that was cancelled must leave the mark whole or not at all"
                expect((now.failure, now.tokens), (DEAD, before.tokens), promise)
            promise = "record_failure repeated after a cancelled one must give Recorded"
            link = expect_kind(await store.record_failure(key, 1, DEAD), Recorded, promise).link
            expect((link.failure, link.tokens, link.version), (DEAD, before.tokens, 1), promise)

    @with_store
    async def test_a_cancelled_reseal_can_be_repeated(self, store: LinkStore) -> None:
        """Both texts and both key ids change together, and a refresh can still be saved."""
        for key, turns in moments():
            before = await store.put(key, tokens(1))
            sealed = tokens(1, access_token="at-2", refresh_token="rt-2", access_token_key_id="k")
            await interrupted(store.reseal(key, 1, sealed), turns)
            now = (await stored(store, key)).tokens
            expected = self.given_out(sealed)
            if now != before.tokens:
                expect(now, expected, "reseal that was cancelled must leave all texts old or all new")
            promise = "reseal repeated after a cancelled one must give Resealed"
            link = expect_kind(await store.reseal(key, 1, sealed), Resealed, promise).link
            expect((link.tokens, link.version), (expected, 1), promise)
            await saved(store, 1, tokens(3), key)


def moments() -> list[tuple[LinkKey, int]]:
    """Return a link for each moment of a call."""
    return [(LinkKey("github", f"after-{turns}"), turns) for turns in MOMENTS]


async def _at_version(store: LinkStore, key: LinkKey, version: int) -> Link:
    link = await store.put(key, tokens(1))
    for number in range(1, version):
        link = await saved(store, number, tokens(number + 1), key)
    return link


async def interrupted(call: Coroutine[Any, Any, object], turns: int) -> None:
    """Start the call, cancel it after some turns of the event loop, and see it end."""
    task = asyncio.create_task(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _whole(now: Link, before: Link, number: int, method: str) -> None:
    if now.version == before.version:
        expect(now, before, f"{method} that was cancelled must leave the link whole, old or new")
        return
    found = (now.version, now.tokens, now.failure, now.pending)
    expected = (before.version + 1, tokens(number), None, None)
    expect(found, expected, f"{method} that was cancelled must leave the link whole, old or new")
