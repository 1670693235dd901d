"""An authorization server that a victim was led to connect, and that takes codes meant for another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final
from urllib.parse import urlencode

from aiohttp import ClientSession, web
from yarl import URL

from extauth.adapters.oauth2 import OAuth2Provider
from tests.support.serving import serving

CLIENT = ("evil-client", "evil-secret")


@final
class EvilServer:
    """Sends each browser on to the honest server's URL that its owner began with, but with the state of the
    flow that the victim began here; keeps the codes that are presented to it."""

    def __init__(self) -> None:
        self.lure = ""
        """An authorization URL of the honest server that the attacker began as themselves."""
        self.redirect_uri: str | None = None
        """Asked of the honest server instead of the victim's."""
        self.stolen: list[str] = []
        self.url = ""

    def provider(self, **traits: Any) -> OAuth2Provider:
        """Return the application's provider for it."""
        client_id, client_secret = CLIENT
        return OAuth2Provider(
            "evil",
            client_id=client_id,
            client_secret=client_secret,
            authorize_url=f"{self.url}/authorize",
            token_url=f"{self.url}/token",
            **traits,
        )

    async def authorize(self, request: web.Request) -> web.Response:
        """Send the browser on (RFC 9700 section 4.4.1)."""
        changes = {
            "state": request.query["state"],
            "redirect_uri": self.redirect_uri or request.query["redirect_uri"],
        }
        query = {**URL(self.lure).query, **changes}
        location = f"{self.lure.partition('?')[0]}?{urlencode(query)}"
        raise web.HTTPFound(location)

    async def token(self, request: web.Request) -> web.Response:
        """Keep the code."""
        form = await request.post()
        self.stolen.append(str(form["code"]))
        return web.json_response({"error": "invalid_grant"}, status=400)


@asynccontextmanager
async def evil_server() -> AsyncIterator[EvilServer]:
    """Run one on loopback."""
    evil = EvilServer()
    routes = [web.get("/authorize", evil.authorize), web.post("/token", evil.token)]
    async with serving(routes) as evil.url:
        yield evil


async def sent_on(url: str) -> str:
    """Open the URL as a browser does, and return where it is sent."""
    request = URL(url, encoded=True)
    async with ClientSession() as session, session.get(request, allow_redirects=False) as answer:
        return answer.headers["Location"]
