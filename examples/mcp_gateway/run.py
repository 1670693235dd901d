"""Run the gateway in front of a remote MCP server, and play its users."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AsyncExitStack

from aiohttp import ClientSession, CookieJar, web
from gateway import PROVIDER, make_app, who
from notes_server import serving

import extauth
from extauth.adapters.discovery import mcp_provider
from extauth.testing import AuthorizationServer, Consent
from extauth.web import ConnectedAccounts

USERS = ("alice", "bob")
CALLS = 5


async def connect(gateway: str, user: str, authorization: AuthorizationServer) -> ClientSession:
    """Play a user's browser: press the button, come back from the MCP server's authorization server."""
    authorization.consent = Consent.approve(user)
    browser = ClientSession(
        cookie_jar=CookieJar(unsafe=True), headers={"X-User": user}, raise_for_status=True
    )
    pressed = {"Sec-Fetch-Site": "same-origin", "Origin": gateway}
    await browser.post(f"{gateway}/accounts/connect/{PROVIDER}", headers=pressed)
    return browser


async def demo(gateway: str, authorization: AuthorizationServer) -> None:
    """Connect users, let the MCP server refuse their tokens, and call its tool many times at once."""
    async with ClientSession(headers={"X-User": "carol"}) as stranger:
        early = await stranger.post(f"{gateway}/tools/whose_notes")
        print(f"carol, who has not connected: {early.status}", (await early.json())["error"])
    browsers = [await connect(gateway, user, authorization) for user in USERS]
    for token in authorization.grants.live_access_tokens(time.monotonic()):
        authorization.grants.revoke(token)  # the MCP server refuses it from now on

    async def call(browser: ClientSession) -> str:
        async with browser.post(f"{gateway}/tools/whose_notes") as answer:
            return str((await answer.json())["result"])

    results = await asyncio.gather(*(call(browser) for browser in browsers for _ in range(CALLS)))
    for browser in browsers:
        await browser.close()
    for result in sorted(set(results)):
        print(f"{results.count(result)} calls: {result}")
    print(f"{authorization.grants.exchanges} exchanges")


async def main() -> None:
    """Run everything."""
    async with AsyncExitStack() as running:
        sockets = [running.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        url, authorization = await running.enter_async_context(serving(sockets[0]))
        here = f"http://127.0.0.1:{sockets[1].getsockname()[1]}"
        # The gateway knows of the MCP server its URL: all else is found, and a client registered, once.
        store = await running.enter_async_context(extauth.open_store("memory://"))
        callback = f"{here}/accounts/callback/{PROVIDER}"
        provider = await mcp_provider(
            url, redirect_uri=callback, store=store, client_name="Gateway", provider_id=PROVIDER
        )
        auth = await running.enter_async_context(extauth.open(store, [provider]))
        accounts = ConnectedAccounts(auth, who, public_url=f"{here}/accounts")
        runner = web.AppRunner(make_app(auth, accounts, url), access_log=None, shutdown_timeout=1)
        await runner.setup()
        running.push_async_callback(runner.cleanup)
        await web.SockSite(runner, sockets[1]).start()
        await demo(here, authorization)


if __name__ == "__main__":
    asyncio.run(main())
