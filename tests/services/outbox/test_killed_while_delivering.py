"""Whoever delivers may be killed anywhere: each event arrives, in its link's order, and none is false."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extauth import LinkKey, RefreshFailure, TokenSet, open_store
from extauth.outbox import deliver
from tests.support.delivering_app import OPTIONS, POINTS, line

APP = Path(__file__).parents[2] / "support" / "delivering_app.py"
NOW = datetime.now(UTC)
USERS = ("alice", "bob", "carol")
TOKENS = TokenSet(
    "at", "rt", refresh_token_expires_at=NOW + timedelta(days=1), issued_at=NOW - timedelta(days=9)
)
HAPPENED = ["link.broken", "link.recovered", "link.broken", "link.recovered", "link.expiring"]
"""To each link, in this order; the end is found by whoever delivers."""


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """The URL of an empty store that several processes can open."""
    async with AsyncExitStack() as stack:
        if request.param == "postgres":
            yield await stack.enter_async_context(postgres_server.database_of_a_store())
        else:
            yield f"sqlite:///{tmp_path}/links.db"


async def much_happens(store):
    """Break and mend each link twice."""
    for user in USERS:
        key = LinkKey("app", user)
        await store.put(key, TOKENS)
        for version in (1, 1):
            await store.record_failure(key, version, RefreshFailure("invalid_grant", NOW, version))
            await store.lift_failure("app", user_id=user)


async def killed_at(point, url, path, *bug):
    """Run an application until it has come to the point, and kill it there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(APP), url, point, str(path), *bug, stdout=asyncio.subprocess.PIPE
    )
    said = await process.stdout.readline()
    process.kill()
    await process.wait()
    return said


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_each_event_arrives_and_none_is_false(point, url, tmp_path):
    """Killed there once, and then there is another replica, which nothing happens to."""
    path = tmp_path / "delivered"
    path.touch()
    async with open_store(url, keys="plain") as store:
        await store.outbox.keep_on()
        await much_happens(store)
        assert await killed_at(point, url, path) == b"here\n"
        every = path.read_text().splitlines(keepends=True)

        async def handler(event):
            every.append(line(event))
            if len({each.split()[0] for each in every}) == len(USERS) * len(HAPPENED):
                arrived.set()

        arrived = asyncio.Event()
        async with deliver(store, handler, options=OPTIONS):
            await arrived.wait()
        while (
            await store.outbox.counts()
        ).waiting:  # the last one's acknowledgement, or a lease of the killed
            async with deliver(store, handler, options=OPTIONS) as delivery:
                await delivery.deliver_due()
    once = list(dict.fromkeys(each.split()[0] for each in every))
    kinds = {each.split()[0]: each.split()[1:] for each in every}
    for user in USERS:
        told = [kinds[event][0] for event in once if kinds[event][1] == user]
        assert (user, HAPPENED) == (user, told)
    assert len(USERS) * len(HAPPENED) == len(once)


@pytest.mark.slow
async def test_one_that_acknowledges_first_is_caught(url, tmp_path):
    """What was only about to be handled is gone: the test above would wait for it."""
    path = tmp_path / "delivered"
    path.touch()
    async with open_store(url, keys="plain") as store:
        await store.outbox.keep_on()
        await much_happens(store)
        before = (await store.outbox.counts()).waiting
        assert await killed_at("before the handler", url, path, "acknowledge-first") == b"here\n"
        assert path.read_text() == ""
        # The links' ends have been found meanwhile, which adds one for each.
        assert (await store.outbox.counts()).waiting < before + len(USERS)
