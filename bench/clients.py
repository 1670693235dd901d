"""A call by a client that shows the user's token by itself, beside one whose header was written by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import httpx
import httpx2

import extauth
from bench.links import PROVIDER
from bench.report import Figure, Part
from bench.rounds import median
from extauth import Auth, LinkKey, RefreshPolicy, TokenSet
from extauth.clients.aiohttp import TokenMiddleware
from extauth.clients.httpx import TokenAuth
from extauth.clients.httpx2 import TokenAuth as TokenAuth2
from extauth.testing import ScriptedLinkingProvider

CALLS = 1_500
"""Calls of each side."""
MOST = 15
"""Microseconds that a call may take longer."""

OURS, ASKED, CONSTANT = "extauth.clients", "access_token() and a header", "a constant header"
REMEMBERING = RefreshPolicy(remember_for=timedelta(minutes=10))
REMEMBERED = ", remember_for"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

METHOD = f"""One call after the other over one connection to a server in the same process that answers at
once; links in memory. The bare side sends a header that was made once; the middle one asks `access_token()`
before each call and makes the header. Both are measured as they are by default, when each call asks the
store, and with `RefreshPolicy(remember_for=...)`. The sides take turns at each call, {CALLS:,} times. What is
measured is the processor's time, of which the server's part is the same for all; the median counts."""

Call = Callable[[], Awaitable[Any]]


class Answering(asyncio.Protocol):
    """Answers each request, which has no body, when its head is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        *heads, self.received = self.received.split(b"\r\n\r\n")
        assert all(b"uthorization: Bearer" in head for head in heads)
        self.transport.write(ANSWER * len(heads))


@asynccontextmanager
async def answering() -> AsyncIterator[str]:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.close()


async def compared(sides: Mapping[str, Call]) -> dict[str, float]:
    """Return seconds of the processor's per call, the median of each side."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(CALLS + CALLS // 10):
        names = [*names[1:], names[0]]
        for name in names:
            began = time.process_time()
            await sides[name]()
            taken = time.process_time() - began
            if number >= CALLS // 10:  # before that they warm up
                times[name].append(taken)
    return {name: median(taken) for name, taken in times.items()}


async def by_aiohttp(opened: AsyncExitStack, auth: Auth, url: str) -> dict[str, Call]:
    middleware = TokenMiddleware(auth, PROVIDER, "alice", origins=[url])
    bare = await opened.enter_async_context(aiohttp.ClientSession())
    ours = await opened.enter_async_context(aiohttp.ClientSession(middlewares=[middleware]))
    header = {"Authorization": f"Bearer {await auth.access_token(PROVIDER, 'alice')}"}

    async def get(session: aiohttp.ClientSession, headers: dict[str, str] | None = None) -> None:
        async with session.get(url, headers=headers) as answer:
            await answer.read()

    async def asked() -> None:
        token = await auth.access_token(PROVIDER, "alice")
        await get(bare, {"Authorization": f"Bearer {token}"})

    return {OURS: lambda: get(ours), ASKED: asked, CONSTANT: lambda: get(bare, header)}


async def _by(
    client: type[Any], token_auth: type[Any], opened: AsyncExitStack, auth: Auth, url: str
) -> dict[str, Call]:
    shows = token_auth(auth, PROVIDER, "alice", origins=[url])
    bare = await opened.enter_async_context(client())
    ours = await opened.enter_async_context(client(auth=shows))
    header = {"Authorization": f"Bearer {await auth.access_token(PROVIDER, 'alice')}"}

    async def asked() -> None:
        token = await auth.access_token(PROVIDER, "alice")
        await bare.get(url, headers={"Authorization": f"Bearer {token}"})

    return {OURS: lambda: ours.get(url), ASKED: asked, CONSTANT: lambda: bare.get(url, headers=header)}


async def by_httpx(opened: AsyncExitStack, auth: Auth, url: str) -> dict[str, Call]:
    return await _by(httpx.AsyncClient, TokenAuth, opened, auth, url)


async def by_httpx2(opened: AsyncExitStack, auth: Auth, url: str) -> dict[str, Call]:
    return await _by(httpx2.AsyncClient, TokenAuth2, opened, auth, url)


async def measure(_: str) -> Part:
    figures, rows = [], []
    provider = ScriptedLinkingProvider(PROVIDER)
    async with (
        answering() as url,
        extauth.open("memory://", [provider], keys="plain") as auth,
        extauth.open("memory://", [provider], keys="plain", policy=REMEMBERING) as remembering,
    ):
        for each in (auth, remembering):
            await each.store.put(LinkKey(PROVIDER, "alice"), TokenSet("at-1", "rt-1"))
        for name, sides in (("aiohttp", by_aiohttp), ("httpx", by_httpx), ("httpx2", by_httpx2)):
            async with AsyncExitStack() as opened:
                calls = await sides(opened, auth, url)
                others = await sides(opened, remembering, url)
                calls |= {f"{side}{REMEMBERED}": others[side] for side in (OURS, ASKED)}
                took = await compared(calls)
            longer = {side: (seconds - took[CONSTANT]) * 1e6 for side, seconds in took.items()}
            figures += [
                Figure(f"{name}: a call beside {CONSTANT}{how}", longer[f"{OURS}{how}"], MOST, "us longer")
                for how in ("", REMEMBERED)
            ]
            rows += [
                (f"{name}: {side}", f"{seconds * 1e6:.0f} us", f"{longer[side]:+.1f} us")
                for side, seconds in took.items()
            ]
    return Part(
        title="Calls by clients that show the token",
        method=METHOD,
        figures=figures,
        header=("side", "time per call", f"beside {CONSTANT}"),
        rows=rows,
    )
