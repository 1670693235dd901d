"""An internet on loopback: 127.0.0.2 stands for a public address, and 127.0.0.1 is the inside."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, final

import pytest
from aiohttp import ClientSession, web

from extauth.adapters.oauth2 import client_session
from extauth.adapters.oauth2.http import addresses
from tests.attacks.fence import Fence
from tests.support.tls import tls_contexts

PUBLIC: Final = "127.0.0.2"
INSIDE: Final = "127.0.0.1"
DOCUMENT: Final = "/.well-known/oauth-authorization-server"

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@final
class Internet:
    """A public server at ``evil.example`` and a service inside at ``inside.example``, on the same port."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self.session = session
        self.port = port
        self.pages: dict[str, Page] = {}
        """What the public server has; 404 elsewhere."""
        self.asked_inside: list[str] = []
        """What the service inside was asked; every one is loot."""

    @property
    def evil(self) -> str:
        return f"https://evil.example:{self.port}"

    @property
    def inside(self) -> str:
        return f"https://inside.example:{self.port}"

    def publish(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(document, status=status, headers={"Connection": "close", **headers})

        self.pages[path] = answer

    def publish_server(self, **members: Any) -> None:
        """Publish an authorization server's document, with these members in place of the honest ones."""
        honest = {
            "issuer": self.evil,
            "authorization_endpoint": f"{self.evil}/authorize",
            "token_endpoint": f"{self.evil}/token",
            "registration_endpoint": f"{self.evil}/register",
            "userinfo_endpoint": f"{self.evil}/userinfo",
            "device_authorization_endpoint": f"{self.evil}/device",
            "code_challenge_methods_supported": ["S256"],
        }
        self.publish(DOCUMENT, honest | members)
        self.publish("/token", {"access_token": "at", "token_type": "Bearer", "refresh_token": "rt"})
        self.publish("/register", {"client_id": "c", "token_endpoint_auth_method": "none"}, 201)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        page = self.pages.get(request.path)
        return web.Response(status=404) if page is None else await page(request)

    async def answer_inside(self, request: web.Request) -> web.StreamResponse:
        self.asked_inside.append(f"{request.method} {request.path}")
        return web.json_response({"secret": "of the inside"}, headers={"Connection": "close"})


@asynccontextmanager
async def internet(fence: Fence) -> AsyncIterator[Internet]:
    """Run both servers, with an application's session that trusts their certificates."""
    really_public = addresses.is_public
    names = ("evil.example", "inside.example", INSIDE)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "is_public", lambda each: each == PUBLIC or really_public(each))
        serving, trusting = tls_contexts(Path(folder), *names)
        fence.names |= {"evil.example": [PUBLIC], "inside.example": [INSIDE]}
        runners: list[web.AppRunner] = []

        async def serve(host: str, port: int, answer: Page) -> int:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", answer)
            runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=0.1))
            await runners[-1].setup()
            await web.TCPSite(runners[-1], host, port, ssl_context=serving).start()
            return int(runners[-1].addresses[0][1])

        async with client_session(ssl=trusting) as session:
            world = Internet(session, 0)
            try:
                world.port = await serve(PUBLIC, 0, world.answer)
                await serve(INSIDE, world.port, world.answer_inside)
                yield world
            finally:
                for runner in runners:
                    await runner.cleanup()


def any_address(patch: pytest.MonkeyPatch) -> None:
    """Take the checks of addresses away, of the text of a URL and of what is connected to."""
    patch.setattr(addresses, "reachable", lambda *_: True)
    for module in ("extauth.adapters.discovery.fetching", "extauth.adapters.oauth2.http.transport"):
        patch.setattr(f"{module}.may_name", lambda *_: True)
