"""``get`` and ``links_of``: reads see what was written before them."""

from __future__ import annotations

import asyncio

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    DEAD,
    KEY,
    ORIGIN,
    claimed,
    released,
    saved,
    stored,
    tokens,
)


class ReadingContract(StoreHarness):
    """Reads by key and by user."""

    @with_store
    async def test_get_of_nothing_is_none(self, store: LinkStore) -> None:
        """A link that was never put is None."""
        expect(await store.get(KEY), None, "get of a link that was never put must return None")

    @with_store
    async def test_get_returns_what_put_returned(self, store: LinkStore) -> None:
        """Put returns the link as get does."""
        put = await store.put(KEY, tokens(), origin=ORIGIN)
        expect(await store.get(KEY), put, "get must return the link as put returned it")

    @with_store
    async def test_get_sees_every_kind_of_write(self, store: LinkStore) -> None:
        """Whatever returned before the call is seen by it: no read is served from an older one."""
        seen = "get must see what was written before it: after"
        link = await store.put(KEY, tokens(1))
        expect(await store.get(KEY), link, f"{seen} put")
        link = (await claimed(store)).link
        expect(await store.get(KEY), link, f"{seen} claim")
        await store.record_failure(KEY, 1, DEAD)
        link = attrs.evolve(link, failure=DEAD)
        expect(await store.get(KEY), link, f"{seen} record_failure")
        await store.lift_failure("github")
        link = attrs.evolve(link, failure=None)
        expect(await store.get(KEY), link, f"{seen} lift_failure")
        await store.reseal(KEY, 1, tokens(2))
        expect((await stored(store)).tokens.refresh_token, "rt-2", f"{seen} reseal")
        await released(store)
        expect((await stored(store)).pending, None, f"{seen} release")
        link = await saved(store, 1, tokens(3))
        expect(await store.get(KEY), link, f"{seen} save")
        expect(await store.links_of("alice"), [link], "links_of must see what was written before it")
        await store.delete(KEY)
        expect(await store.get(KEY), None, f"{seen} delete")

    @with_store
    async def test_reads_see_writes_that_returned_before(self, store: LinkStore) -> None:
        """A read asked for after a write returned sees it, however many reads are under way."""
        link = await store.put(KEY, tokens())

        async def keep_reading() -> None:
            while True:
                await store.get(KEY)
                await asyncio.sleep(0)

        readers = [asyncio.create_task(keep_reading()) for _ in range(8)]
        try:
            for number in range(2, 42):
                for _ in range(number % 5):
                    await asyncio.sleep(0)  # so that reads are under way at each of their stages
                link = await saved(store, link.version, tokens(number))
                expect(await store.get(KEY), link, "get must see the save that returned before it")
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    @with_store
    async def test_simultaneous_reads_get_their_own_links(self, store: LinkStore) -> None:
        """Reads asked for together each get the link of their key, or None, also of several providers."""
        users = [f"user-{number}" for number in range(20)]
        kept = [LinkKey(provider, user) for provider in ("github", "gitlab") for user in users[:15]]
        for number, key in enumerate(kept):
            await store.put(key, tokens(number))
        expected = dict(zip(kept, map(tokens, range(30)), strict=True))
        for providers in (["github"], ["github", "gitlab"], ["github", "gitlab", "google"]):
            keys = [LinkKey(provider, user) for user in users for provider in providers] * 2
            links = await asyncio.gather(*(store.get(key) for key in keys))
            found = [None if link is None else link.tokens for link in links]
            promise = "get must return the link of its own key, however many are under way"
            expect(found, [expected.get(key) for key in keys], promise)

    @with_store
    async def test_links_of_a_user_are_ordered_by_provider(self, store: LinkStore) -> None:
        """The user's links, and nobody else's, by provider id in code point order."""
        for provider in ("b", "a", "é", "Z", "🗝", "a-b", "\uff5e", "ab"):
            await store.put(LinkKey(provider, "alice"), tokens())
            await store.put(LinkKey(provider, "bob"), tokens())
            await store.put(LinkKey("alice", provider), tokens())
        links = await store.links_of("alice")
        expected = [(provider, "alice") for provider in ("Z", "a", "a-b", "ab", "b", "é", "\uff5e", "🗝")]
        found = [(link.key.provider_id, link.key.user_id) for link in links]
        expect(found, expected, "links_of must list the user's links by provider id in code point order")
        for link in links:
            expect(link, await store.get(link.key), "links_of must return links as get does")
        expect(await store.links_of("carol"), [], "links_of must be empty for a user without links")

    @with_store
    async def test_links_of_shows_marks(self, store: LinkStore) -> None:
        """A list of links shows which of them failed or is being refreshed."""
        await store.put(KEY, tokens())
        await claimed(store)
        await store.record_failure(KEY, 1, DEAD)
        expect(await store.links_of("alice"), [await stored(store)], "links_of must return links as get does")

    @with_store
    async def test_pending_says_whether_a_lease_is_live(self, store: LinkStore) -> None:
        """A link read while a lease is live says so."""
        await store.put(KEY, tokens())
        await claimed(store)
        pending = (await stored(store)).pending
        expect_that(
            pending is not None and pending.live,
            "get after a claim must show a pending exchange with a live lease",
            f"pending was {pending!r}",
        )
