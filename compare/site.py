"""The server that all ways meet: strict, on real HTTP, with a door for Slack's SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import final

import aiohttp
import attrs
from aiohttp import web

from compare.orders import Orders, Tokens
from extauth.testing import AuthorizationServer

LIFETIME = timedelta(hours=12)
"""Slack's, whose rotator refreshes two hours ahead."""
WINDOW = timedelta(seconds=30)


@final
@attrs.frozen
class Site:
    """The server, and what an application knows of it."""

    server: AuthorizationServer
    orders: Orders

    def grant(self, subject: str, *, left: float) -> Tokens:
        """Return new tokens of which the application believes that they work for ``left`` more seconds."""
        tokens = self.server.new_grant(subject)
        assert tokens.refresh_token is not None
        return Tokens(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            left=left,
            lifetime=LIFETIME.total_seconds(),
        )


@asynccontextmanager
async def site(dsn: str, *, answer_delay: float = 0.2, forgiving: bool = False) -> AsyncGenerator[Site, None]:
    """Serve, with answers that come ``answer_delay`` seconds after the rotation."""
    async with (
        AuthorizationServer(
            access_token_lifetime=LIFETIME,
            answer_delay=timedelta(seconds=answer_delay),
            reuse="replay_window" if forgiving else "strict",
            replay_window=WINDOW,
        ) as server,
        _slack_door(server.token_url) as slack_url,
    ):
        orders = Orders(
            dsn=dsn,
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
            resource_url=server.resource_url,
            slack_url=slack_url,
            replay_window=WINDOW.total_seconds() if forgiving else None,
        )
        yield Site(server, orders)


@asynccontextmanager
async def _slack_door(token_url: str) -> AsyncGenerator[str, None]:
    """Serve ``oauth.v2.access`` in front of a token endpoint: its answers in Slack's words."""
    async with aiohttp.ClientSession() as http:

        async def access(request: web.Request) -> web.Response:
            form = dict(await request.post())
            if "Authorization" in request.headers:  # the SDK proves the client by Basic
                known = aiohttp.BasicAuth.decode(request.headers["Authorization"])
                form |= {"client_id": known.login, "client_secret": known.password}
            try:
                async with http.post(token_url, data=form) as answer:
                    said = await answer.read()
                    if answer.status >= 429:
                        return web.Response(status=answer.status, body=said, headers=_kept(answer))
                    document = await answer.json()
            except aiohttp.ClientError:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            ok = "access_token" in document
            return web.json_response({**document, "ok": ok, "token_type": "bot"})

        app = web.Application()
        app.router.add_post("/api/oauth.v2.access", access)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        finally:
            await runner.cleanup()


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}
