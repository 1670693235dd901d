"""Run three replicas behind a balancer, with a stand-in for the provider.

``python run.py postgresql://...`` serves until Ctrl-C. With ``--demo`` it plays the users, too, and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from aiohttp import ClientSession, CookieJar, DummyCookieJar, web
from yarl import URL

from extauth.adapters.encryption import EncryptionKey
from extauth.testing import AuthorizationServer

REPLICAS = 3
USERS = ("alice", "bob", "carol")
CALLS = 12
OF_ONE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


def listening(port: int = 0) -> socket.socket:
    """Listen on this machine; what comes before somebody serves it waits."""
    return socket.create_server(("127.0.0.1", port))


def address(sock: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


@asynccontextmanager
async def replica(sock: socket.socket, settings: dict[str, str]) -> AsyncIterator[None]:
    """Run one in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "app:app", "--fd", str(sock.fileno()), "--log-level", "warning"),
        cwd=Path(__file__).parent,
        env={**os.environ, **settings},
        pass_fds=[sock.fileno()],
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()  # uvicorn then leaves the lifespan, and extauth saves what is under way
        await process.wait()


@asynccontextmanager
async def balancer(sock: socket.socket, replicas: list[str]) -> AsyncIterator[None]:
    """Send each request to the next replica, whoever it is for."""
    turns = itertools.cycle(replicas)

    async def forward(request: web.Request) -> web.Response:
        to = URL(next(turns)).join(request.rel_url)
        body, headers = await request.read(), request.headers
        async with http.request(
            request.method, to, data=body, headers=headers, allow_redirects=False
        ) as answer:
            kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in OF_ONE_CONNECTION]
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    async with ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False) as http:
        await runner.setup()
        try:
            await web.SockSite(runner, sock).start()
            yield
        finally:
            await runner.cleanup()


async def connect(site: str, user: str) -> ClientSession:
    """Play a user's browser: sign in, press the button, come back from the provider."""
    browser = ClientSession(cookie_jar=CookieJar(unsafe=True), raise_for_status=True)
    await browser.get(f"{site}/sign-in/{user}")
    pressed = {"Sec-Fetch-Site": "same-origin", "Origin": site}
    await browser.post(f"{site}/accounts/connect/calendar", headers=pressed)
    return browser


async def demo(site: str, server: AuthorizationServer) -> None:
    """Connect users, let the API refuse their tokens, and call it from everywhere at once."""
    async with ClientSession() as stranger:
        ready = [(await stranger.get(f"{site}/ready")).status for _ in range(REPLICAS)]
        early = await stranger.get(f"{site}/calendar", cookies={"user": "dave"})
    print(f"ready: {ready}; who has not connected gets {early.status}")

    browsers = [await connect(site, user) for user in USERS]
    for token in server.grants.live_access_tokens(time.monotonic()):
        server.grants.revoke(token)  # the API refuses it from now on

    async def call(browser: ClientSession) -> int:
        async with browser.get(f"{site}/calendar") as answer:
            return int((await answer.json())["replica"])

    answered = await asyncio.gather(*(call(browser) for browser in browsers for _ in range(CALLS)))
    for browser in browsers:
        await browser.close()
    print(f"{len(USERS)} users, {len(answered)} calls on {len(set(answered))} replicas")
    print(f"{server.grants.exchanges} exchanges, {server.grants.replays} presented twice")


async def main(database: str, port: int, *, as_demo: bool) -> None:
    """Run everything."""
    async with AsyncExitStack() as running:
        front = running.enter_context(listening(port))
        callback = f"{address(front)}/accounts/callback/calendar"
        server = await running.enter_async_context(AuthorizationServer(redirect_uris=[callback]))
        settings = {
            "DATABASE_URL": database,
            "PUBLIC_URL": address(front),
            "PROVIDER_URL": server.resource_url.removesuffix("/resource"),
            "CALENDAR_CLIENT_ID": server.client_id,
            "CALENDAR_CLIENT_SECRET": server.client_secret,
            "EXTAUTH_KEYS": EncryptionKey.generate("example").reveal(),
        }
        sockets = [running.enter_context(listening()) for _ in range(REPLICAS)]
        for sock in sockets:
            await running.enter_async_context(replica(sock, settings))
        await running.enter_async_context(balancer(front, [address(sock) for sock in sockets]))
        if as_demo:
            await demo(address(front), server)
        else:
            print(f"open {address(front)}/sign-in/alice, connect, and see /calendar")
            await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", help="postgresql://... with a database that may be filled")
    parser.add_argument("--port", type=int, default=8000, help="of the balancer; 0 for any that is free")
    parser.add_argument("--demo", action="store_true", help="play the users, too, and end")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(main(arguments.database, arguments.port, as_demo=arguments.demo))
