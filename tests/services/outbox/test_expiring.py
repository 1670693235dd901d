"""Finding links that end soon: each end is told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, ProviderTraits, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.services.outbox import expiring
from extauth.services.outbox.expiring import ExpiryScan
from extauth.testing import ScriptedLinkingProvider
from extauth.testing.contract.outbox.harness import taken

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALICE = LinkKey("app", "alice")
ENDING = TokenSet("at", "rt", refresh_token_expires_at=NOW + 3 * DAY, issued_at=NOW - 60 * DAY)


@pytest.fixture
async def store():
    """A store to which somebody listens, and in which all began long ago."""
    store = MemoryLinkStore(now=lambda: NOW - 60 * DAY)
    await store.outbox.keep_on(90 * DAY)
    return store


def scan(store, *providers, ahead=7 * DAY):
    """Return a scan for these providers."""
    return ExpiryScan(store.outbox, {provider.provider_id: provider for provider in providers}, ahead)


def told(events):
    """Return what events say."""
    return [(event.key, event.ends_at, event.source) for event in events]


async def test_an_end_is_told_once(store):
    """Also of one that is refreshed meanwhile, and by whoever looks."""
    link = await store.put(ALICE, ENDING)
    assert await scan(store).run(NOW) == 1
    assert await scan(store).run(NOW) == 0
    await store.save(ALICE, link.version, ENDING)
    assert await scan(store).run(NOW + DAY) == 0
    assert told(await taken(store)) == [(ALICE, NOW + 3 * DAY, "told")]


async def test_another_end_is_told_again(store):
    """After the user has connected again; not one that each refresh puts off a little."""
    link = await store.put(ALICE, ENDING)
    await scan(store).run(NOW)
    little = attrs.evolve(ENDING, refresh_token_expires_at=NOW + 4 * DAY)
    await store.save(ALICE, link.version, little)
    assert await scan(store).run(NOW + DAY) == 0
    later = NOW + 100 * DAY
    await store.put(ALICE, attrs.evolve(ENDING, refresh_token_expires_at=later, issued_at=NOW))
    assert await scan(store).run(NOW + DAY) == 0
    assert await scan(store).run(later - 5 * DAY) == 1
    assert [(ALICE, NOW + 3 * DAY, "told"), (ALICE, later, "told")] == told(await taken(store))


@pytest.mark.parametrize(
    ("put_off", "again"), [(2 * DAY, True), (2 * DAY - timedelta(microseconds=1), False)]
)
async def test_an_end_that_is_put_off_for_as_long_as_is_told_ahead_is_another(store, put_off, again):
    """As long as this scan tells ahead of, whatever others do."""
    link = await store.put(ALICE, ENDING)
    looking = scan(store, ahead=2 * DAY)
    assert await looking.run(NOW + 2 * DAY) == 1
    end = NOW + 3 * DAY + put_off
    await store.save(ALICE, link.version, attrs.evolve(ENDING, refresh_token_expires_at=end))
    assert await looking.run(end) == again


async def test_what_a_provider_is_known_to_do(store):
    """Of a named link's, too; of a provider that is not there nothing is concluded."""
    for provider_id in ("app/work", "other"):
        await store.put(LinkKey(provider_id, "alice"), ENDING)
    traits = ProviderTraits(refresh_token_lifetime=90 * DAY)
    assert await scan(store, ScriptedLinkingProvider("app", traits=traits)).run(NOW) == 2
    sources = {event.key.provider_id: event.source for event in await taken(store)}
    assert sources == {"app/work": "grant", "other": "told"}


async def test_what_does_not_end_soon_is_not_told(store):
    """Nor what ended long ago."""
    ends = {"far": NOW + 8 * DAY, "past": NOW - 8 * DAY, "just": NOW - DAY}
    for user_id, end in ends.items():
        await store.put(LinkKey("app", user_id), attrs.evolve(ENDING, refresh_token_expires_at=end))
    fresh = attrs.evolve(ENDING, refresh_token=None, expires_at=NOW + 3 * DAY, issued_at=NOW)
    await store.put(LinkKey("app", "fresh"), fresh)
    assert await scan(store).run(NOW) == 1
    assert [LinkKey("app", "just")] == [event.key for event in await taken(store)]


async def test_many_links(store, monkeypatch):
    """Page by page, each once, and each read once."""
    monkeypatch.setattr(expiring, "PAGE", 3)
    keys = [LinkKey("app", f"user-{number}") for number in range(5)]
    for key in keys:
        await store.put(key, ENDING)
    read = []

    class Counting:
        """An outbox that notes what was read."""

        async def ending(self, last, **span):
            page = await store.outbox.ending(last, **span)
            read.extend(link.key for link in page)
            return page

        async def tell_expiring(self, *end):
            return await store.outbox.tell_expiring(*end)

    assert await ExpiryScan(Counting(), {}, 7 * DAY).run(NOW) == 5
    assert keys == sorted(read)
    assert keys == sorted(event.key for event in await taken(store))


async def test_what_is_soon_the_application_says(store):
    """Also that it is more than a week."""
    end = NOW + 9 * DAY
    await store.put(ALICE, attrs.evolve(ENDING, refresh_token_expires_at=end))
    assert await scan(store, ahead=8 * DAY).run(NOW) == 0
    assert await scan(store, ahead=10 * DAY).run(NOW) == 1


async def test_nothing_is_told_to_nobody():
    """Then it is news later."""
    store = MemoryLinkStore(now=lambda: NOW - 60 * DAY)
    await store.put(ALICE, ENDING)
    assert await scan(store).run(NOW) == 0
    await store.outbox.keep_on(90 * DAY)
    assert await scan(store).run(NOW) == 1
