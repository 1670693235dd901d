"""Each call of an inventory looks at one stretch of the links, however few of them match."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from extauth import LinkKey, TokenSet, open_store
from extauth.adapters.sql import inventory as sql_inventory
from extauth.domain.inventory import LinkFilter, inventory_of
from extauth.domain.link import RefreshFailure

DEAD = RefreshFailure("invalid_grant", datetime(2026, 1, 1, tzinfo=UTC), 1)
USERS = [f"user-{number:02}" for number in range(20)]
MARKED = {"user-07", "user-19"}


@pytest.fixture(params=["sqlite", "postgres"])
async def inventory(request, tmp_path, postgres_server, monkeypatch):
    """Of twenty links at each of three providers, two of which are marked; three at a time."""
    monkeypatch.setattr(sql_inventory, "LOOKED_AT", 3)
    async with postgres_server.fresh_database() as dsn:
        url = f"sqlite:///{tmp_path}/links.db" if request.param == "sqlite" else dsn
        async with open_store(url) as store:
            for provider in ("github", "github-app", "github/work"):
                for user in USERS:
                    await store.put(LinkKey(provider, user), TokenSet("at", "rt"))
            for user in MARKED:
                await store.record_failure(LinkKey("github", user), 1, DEAD)
            yield inventory_of(store)


async def pages(inventory, wanted, limit=100):
    """Return what each call finds, to the end."""
    found, after = [], None
    while True:
        page = await inventory.find(wanted, after=after, limit=limit)
        found.append([link.key for link in page.links])
        if page.next is None:
            return found
        assert after is None or page.next > after, "each call goes on"
        after = page.next


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_every_stretch_is_looked_at_once(inventory, limit):
    """Nothing is left out or found twice, whatever the page's limit is beside the stretch."""
    found = await pages(inventory, LinkFilter(provider_id="github"), limit)
    expected = [LinkKey(provider, user) for provider in ("github", "github/work") for user in USERS]
    assert [key for page in found for key in page] == expected
    assert max(map(len, found)) <= min(limit, 3)


async def test_a_call_that_finds_nothing_goes_on(inventory):
    """Between what matches there are whole stretches of other links, as of another provider's."""
    found = await pages(inventory, LinkFilter(provider_id="github", state="ok"))
    assert [] in found
    assert len([key for page in found for key in page]) == 38


async def test_marked_links_are_looked_up_among_marked_ones(inventory):
    """By an index of their own: two of sixty are found in one call of at most three."""
    for wanted in (LinkFilter(marked=True), LinkFilter(state="broken"), LinkFilter(reason="invalid_grant")):
        assert await pages(inventory, wanted) == [[LinkKey("github", user) for user in sorted(MARKED)]]


async def test_counts_of_all_stretches_add_up(inventory):
    """Each link is counted once."""
    counts, after, calls = {}, None, 0
    while True:
        part = await inventory.count(LinkFilter(), after=after)
        assert sum(part.counts.values()) <= 3
        for name, number in part.counts.items():
            counts[name] = counts.get(name, 0) + number
        calls += 1
        if part.next is None:
            break
        after = part.next
    assert counts == {
        ("github", "broken"): 2,
        ("github", "ok"): 18,
        ("github-app", "ok"): 20,
        ("github/work", "ok"): 20,
    }
    assert calls == 21
