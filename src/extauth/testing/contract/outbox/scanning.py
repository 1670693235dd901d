"""Finding links that end soon, and writing the event once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

from extauth.domain.health import Lifetimes
from extauth.domain.link import LinkKey
from extauth.domain.outbox import EndingLink, LinkExpiring
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.expect import expect, expect_kind
from extauth.testing.contract.linking.harness import LinkingHarness
from extauth.testing.contract.outbox.harness import (
    ALICE,
    BOB,
    NOW,
    OutboxWitness,
    mark,
    taken,
    unheard,
    with_outbox,
)

DAY = timedelta(days=1)
ENDING = TokenSet("at-1", "rt-1", refresh_token_expires_at=NOW + 3 * DAY, issued_at=NOW - DAY)


async def found(store: OutboxWitness, **narrow: int) -> list[EndingLink]:
    """Return the links that end within a week."""
    limit = narrow.get("limit", 100)
    return await store.outbox.ending(None, since=NOW, before=NOW + 7 * DAY, limit=limit)


class OutboxScanningContract(LinkingHarness):
    """Links that end soon."""

    @with_outbox
    async def test_links_are_found_by_their_end(self, store: OutboxWitness) -> None:
        """The refresh token's, or the access token's where there is no other; in order, page by page."""
        ends = {
            LinkKey("a", "b"): ENDING,
            LinkKey("a", "a"): ENDING,
            LinkKey("b", "a"): TokenSet("at-1", expires_at=NOW + 2 * DAY),
            LinkKey("A", "first"): attrs.evolve(ENDING, refresh_token_expires_at=NOW),
            LinkKey("A", "last"): attrs.evolve(ENDING, refresh_token_expires_at=NOW + 7 * DAY),
            LinkKey("far", "a"): attrs.evolve(ENDING, refresh_token_expires_at=NOW + 8 * DAY),
            LinkKey("past", "a"): attrs.evolve(ENDING, refresh_token_expires_at=NOW - DAY),
            LinkKey("none", "a"): TokenSet("at-1", "rt-1", expires_at=NOW + DAY),
        }
        links = {key: await store.put(key, tokens) for key, tokens in ends.items()}
        keys = [LinkKey("A", "first"), LinkKey("b", "a"), LinkKey("a", "a"), LinkKey("a", "b")]
        keys.append(LinkKey("A", "last"))
        promise = "ending must return the links that end in between, by their end and key"
        every = await found(store)
        expect([each.key for each in every], keys, promise)
        for each in every:
            link = links[each.key]
            expect((each.version, each.told), (link.version, None), f"{promise}, with their version")
            expect(each.lifetimes, Lifetimes.of(link), f"{promise}, with their lifetimes")
        seen: list[LinkKey] = []
        last: EndingLink | None = None
        while page := await store.outbox.ending(last, since=NOW, before=NOW + 7 * DAY, limit=1):
            expect(len(page), 1, "ending must return at most limit links")
            seen += [each.key for each in page]
            last = page[-1]
        expect(seen, keys, f"{promise}, page by page")

    @with_outbox
    async def test_broken_links_do_not_end(self, store: OutboxWitness) -> None:
        """They have ended, which was told; a temporary mark is none."""
        for key, retry in ((ALICE, False), (BOB, True)):
            link = await store.put(key, ENDING)
            await store.record_failure(key, link.version, mark(link.version, retry=retry))
        expect([each.key for each in await found(store)], [BOB], "ending must leave out broken links")

    @with_outbox
    async def test_an_end_is_told(self, store: OutboxWitness) -> None:
        """With what was found out about it, and remembered through refreshes."""
        link = await store.put(ALICE, ENDING)
        end = NOW + 3 * DAY
        told = await store.outbox.tell_expiring((await found(store))[0], end, "grant")
        expect(told, True, "tell_expiring must return True")
        promise = "tell_expiring must write LinkExpiring"
        event = expect_kind((await taken(store))[0], LinkExpiring, promise)
        said = (event.key, event.version, event.ends_at, event.source)
        expect(said, (ALICE, link.version, end, "grant"), promise)
        await store.save(ALICE, link.version, ENDING)
        again = (await found(store))[0]
        expect((again.told, again.version), (end, 2), "ending must say what was told, also after a refresh")
        told = await store.outbox.tell_expiring(again, end + DAY, "told")
        expect(told, True, "tell_expiring of another end must return True")

    @with_outbox
    async def test_one_of_many_tells(self, store: OutboxWitness) -> None:
        """Replicas that look at the same moment write one event."""
        await store.put(ALICE, ENDING)
        link = (await found(store))[0]
        telling = (store.outbox.tell_expiring(link, NOW + 3 * DAY, "told") for _ in range(20))
        told = await asyncio.gather(*telling)
        expect(sorted(told), [False] * 19 + [True], "tell_expiring 20 times at once must write one event")
        expect(len(await taken(store)), 1, "tell_expiring 20 times at once must write one event")

    @with_outbox
    async def test_what_has_changed_is_not_told(self, store: OutboxWitness) -> None:
        """A link that was refreshed, broken or removed since it was looked at."""
        link = await store.put(ALICE, ENDING)
        before = (await found(store))[0]
        await store.save(ALICE, link.version, ENDING)
        promise = "tell_expiring of a link that has changed must return False and write nothing"
        expect(await store.outbox.tell_expiring(before, NOW, "told"), False, promise)
        now = (await found(store))[0]
        await store.record_failure(ALICE, now.version, mark(now.version))
        expect(await store.outbox.tell_expiring(now, NOW, "told"), False, promise)
        await store.delete(ALICE)
        expect(await store.outbox.tell_expiring(now, NOW, "told"), False, promise)
        expect(await taken(store), [], promise)

    @unheard
    async def test_nobody_is_told(self, store: OutboxWitness) -> None:
        """Then nothing is remembered as told, either."""
        await store.put(ALICE, ENDING)
        promise = "tell_expiring while nobody listens must return False and change nothing"
        expect(await store.outbox.tell_expiring((await found(store))[0], NOW, "told"), False, promise)
        expect((await found(store))[0].told, None, promise)
