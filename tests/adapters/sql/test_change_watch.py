"""Waiting for other replicas by polling."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Link, LinkKey, PendingExchange, StoreUnavailable, TokenSet
from extauth.adapters.sql.change_watch import LONGEST_PAUSE, SHORTEST_PAUSE, ChangeWatch, _pause, _Wait

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = timedelta(minutes=5)


def held(user="alice"):
    """Return a link under a live lease."""
    key = LinkKey("github", user)
    return Link(key, TokenSet("at"), 1, NOW, NOW, pending=PendingExchange(NOW, live=True))


class Links:
    """What polls find; notes what they asked for."""

    def __init__(self, *links):
        self.links = {link.key: link for link in links}
        self.polls = []
        self.error = None
        self.polled = asyncio.Event()

    async def fetch(self, keys):
        self.polls.append(set(keys))
        self.polled.set()
        if self.error is not None:
            raise self.error
        return {key: self.links[key] for key in keys if key in self.links}

    def end(self, key):
        self.links[key] = attrs.evolve(self.links[key], version=2, pending=None)


async def test_one_poll_for_all_links():
    """However many links are waited for, a poll is one query."""
    links = Links(*(held(str(number)) for number in range(50)))
    watch = ChangeWatch(links.fetch)
    keys = list(links.links)
    waits = [asyncio.create_task(watch.wait(key, 1, LONG)) for key in keys]
    await links.polled.wait()
    for key in keys:
        links.end(key)
    assert [link.version for link in await asyncio.gather(*waits)] == [2] * 50
    assert links.polls[0] == set(keys)


async def test_no_poll_without_waits():
    """When the last wait has ended, so has the polling."""
    links = Links(held())
    watch = ChangeWatch(links.fetch)
    (key,) = links.links
    wait = asyncio.create_task(watch.wait(key, 1, LONG))
    await links.polled.wait()
    links.end(key)
    await wait
    await watch._poller
    polls = len(links.polls)
    again = await watch.wait(key, 1, LONG)
    assert again.version == 2
    assert len(links.polls) == polls + 1


async def test_a_cancelled_wait_is_polled_for_no_more():
    """Cancelling one wait leaves the others waiting."""
    links = Links(held("a"), held("b"))
    watch = ChangeWatch(links.fetch)
    a, b = links.links
    waits = [asyncio.create_task(watch.wait(key, 1, LONG)) for key in (a, b)]
    await links.polled.wait()
    waits[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits[0]
    links.polled.clear()
    await links.polled.wait()
    assert links.polls[-1] == {b}
    links.end(b)
    assert (await waits[1]).version == 2


async def test_a_store_that_is_down_for_a_while_is_ridden_out():
    """Polls that fail don't end a wait before its time."""
    links = Links(held())
    watch = ChangeWatch(links.fetch)
    (key,) = links.links
    links.error = StoreUnavailable("down")
    wait = asyncio.create_task(watch.wait(key, 1, LONG))
    await links.polled.wait()
    links.error = None
    links.end(key)
    assert (await wait).version == 2


async def test_a_store_that_stays_down():
    """When time is up and nothing could be read, the store's error is raised."""
    links = Links(held())
    watch = ChangeWatch(links.fetch)
    (key,) = links.links
    links.error = StoreUnavailable("down")
    with pytest.raises(StoreUnavailable, match="down"):
        await watch.wait(key, 1, timedelta(milliseconds=1))


async def test_a_swept_poller_ends_the_waits():
    """When the polling task is cancelled, nobody waits for ever."""
    links = Links(held())
    watch = ChangeWatch(links.fetch)
    (key,) = links.links
    wait = asyncio.create_task(watch.wait(key, 1, LONG))
    await links.polled.wait()
    watch._poller.cancel()
    with pytest.raises(StoreUnavailable, match="interrupted"):
        await wait


async def test_the_pause_follows_the_youngest_wait():
    """Young waits are polled for often, old ones rarely, and never beyond a deadline."""
    future = asyncio.get_running_loop().create_future()

    def wait(age, left=1e9):
        return _Wait(held().key, 1, began=-age, deadline=left, ended=future)

    assert SHORTEST_PAUSE * 0.8 <= _pause([wait(0.0)], 0.0) <= SHORTEST_PAUSE * 1.2
    assert LONGEST_PAUSE * 0.8 <= _pause([wait(60.0)], 0.0) <= LONGEST_PAUSE * 1.2
    assert _pause([wait(60.0), wait(0.0)], 0.0) <= SHORTEST_PAUSE * 1.2
    assert _pause([wait(60.0, left=0.001)], 0.0) == 0.001
    assert _pause([wait(60.0, left=-1.0)], 0.0) == 0
    assert len({_pause([wait(60.0)], 0.0) for _ in range(20)}) > 1
