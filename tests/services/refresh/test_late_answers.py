"""An answer that has arrived counts, however late the process gets to read it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import TraceConfig

from extauth import LinkKey, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider, client_session
from tests.support.token_endpoint import TokenEndpoint

APP = Path(__file__).parents[2] / "support" / "late_app.py"
KEY = LinkKey("app", "alice")
JUMP = 25
"""Seconds; longer than the default policy lets an exchange take."""
STOP = 1.5
"""Seconds; longer than the application that is stopped lets an exchange take."""


async def blocked(process, provider):
    """Let the application block its loop past every bound while the answer comes in."""
    process.stdin.write(b"block\n")
    assert await process.stdout.readline() == b"blocked\n"
    await provider.answer()
    process.stdin.write(b"go on\n")


async def stopped(process, provider):
    """Stop the process past every bound while the answer comes in."""
    process.send_signal(signal.SIGSTOP)
    await provider.answer()
    await asyncio.sleep(STOP)  # what is waited for is the time itself
    process.send_signal(signal.SIGCONT)


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """Where the links are kept."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/links.db"
    else:
        async with postgres_server.database_of_a_store() as dsn:
            yield dsn


@pytest.mark.parametrize(("late", "jump"), [(blocked, JUMP), (stopped, 0)])
async def test_an_answer_in_the_socket_is_read(late, jump, url):
    """Its tokens are saved and handed out, and the spent refresh token is not presented again."""
    async with TokenEndpoint() as provider, open_store(url) as store:
        await store.put(KEY, TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(APP), url, provider.url, str(jump), stdin=pipe, stdout=pipe, stderr=pipe
        )
        await provider.asked.wait()
        await late(process, provider)
        out, err = await process.communicate()
        assert out == b"at-2\n", err.decode()
        assert provider.presented == ["rt-1"]
        link = await store.get(KEY)
    assert link is not None
    assert link.tokens.refresh_token == "rt-2"


async def test_a_token_is_not_presented_when_its_time_is_up(url, monkeypatch):
    """Blocked between connecting and writing, it would be used up and its answer not waited for."""
    clock, jumps = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + jumps[0])

    async def block(*_):
        jumps[0] = JUMP

    tracing = TraceConfig()
    tracing.on_connection_create_end.append(block)
    async with (
        TokenEndpoint() as strict,
        client_session(reach="loopback", trace_configs=[tracing]) as session,
        open_store(url) as store,
    ):
        provider = OAuth2Provider(
            "app",
            client_id="client",
            client_secret="not-one",
            token_url=strict.url,
            session=session,
            reach="loopback",
        )
        tokens = TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        await store.put(KEY, tokens, origin=provider.origin)
        async with TokenService(store, [provider]) as service:
            call = asyncio.ensure_future(service.access_token("app", "alice"))
            await strict.asked.wait()
            # The server takes its time: more turns than an answer in the socket would take.
            for _ in range(500):
                await asyncio.sleep(0)
            strict.gate.set()
            assert await call == "at-2"
    assert strict.presented == ["rt-1"]
