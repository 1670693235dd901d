"""A process that is stopped while it writes its request presents its token once, and hears the answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import pytest

from extauth import LinkKey, TokenSet, open_store
from tests.support.token_endpoint import TokenEndpoint

APP = Path(__file__).parents[2] / "support" / "stopping_app.py"
KEY = LinkKey("app", "alice")
POINTS = ["connected", "allowed", "before the write", "amid the write", "after the write"]
LIMIT = 3.0
"""Seconds that the application lets an exchange take."""
ANSWER = 0.1
"""Seconds that the provider takes."""

pytestmark = pytest.mark.slow


class SlowEndpoint(TokenEndpoint):
    """Takes its time."""

    async def hold(self):
        await asyncio.sleep(ANSWER)


async def stopped_at(point, seconds, url):
    """Say what an application comes to that is stopped there for so long, and what was presented and kept."""
    pipe = asyncio.subprocess.PIPE
    async with SlowEndpoint() as provider, open_store(url) as store:
        await store.put(KEY, TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(APP), url, provider.url, point, str(LIMIT), stdout=pipe, stderr=pipe
        )
        if await process.stdout.readline() == b"stops\n":
            await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            await asyncio.sleep(seconds)  # what is waited for is the time itself
            process.send_signal(signal.SIGCONT)
        out, err = await process.communicate()
        link = await store.get(KEY)
    return point, out.decode() or err.decode(), provider.presented, link and link.tokens.refresh_token


@pytest.fixture(params=["sqlite", "postgres"])
async def urls(request, tmp_path, postgres_server):
    """A store for each of the points."""
    async with AsyncExitStack() as stack:
        yield [
            f"sqlite:///{tmp_path}/{number}.db"
            if request.param == "sqlite"
            else await stack.enter_async_context(postgres_server.database_of_a_store())
            for number in range(len(POINTS))
        ]


@pytest.mark.parametrize("seconds", [LIMIT - 0.05, LIMIT + 0.2, LIMIT + 2])
async def test_a_process_that_is_stopped_while_it_writes_presents_once(seconds, urls):
    """It goes on shortly before its time is up or afterwards, and the answer comes then."""
    ends = await asyncio.gather(*map(stopped_at, POINTS, repeat(seconds), urls))

    assert [(point, "at-2\n", ["rt-1"], "rt-2") for point in POINTS] == ends
