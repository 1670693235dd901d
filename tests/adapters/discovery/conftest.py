"""A server on loopback that publishes whatever the test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import attrs
import pytest
from aiohttp import web

from tests.support.serving import serving

Page: TypeAlias = "web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]"


@attrs.define
class Site:
    """Answers with its pages, and with 404 elsewhere; notes what it was asked."""

    url: str = ""
    pages: dict[str, Page] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    """Methods and paths, in order."""
    headers: list[dict[str, str]] = attrs.field(factory=list)
    bodies: list[bytes] = attrs.field(factory=list)

    def publish(self, path: str, document: Any, status: int = 200) -> None:
        body = document if isinstance(document, (str, bytes)) else json.dumps(document)
        text = body.encode() if isinstance(body, str) else body
        self.page(path, lambda: web.Response(body=text, status=status, content_type="application/json"))

    def page(self, path: str, make: Callable[[], web.Response]) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return make()

        self.pages[path] = answer

    def redirect(self, path: str, to: str) -> None:
        self.page(path, lambda: web.Response(status=302, headers={"Location": to}))

    def server_document(self, named: str, **members: Any) -> dict[str, Any]:
        """Return a good document; a member given as None is left out."""
        document = {
            "issuer": named,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "code_challenge_methods_supported": ["S256"],
            "response_types_supported": ["code"],
        }
        return {name: value for name, value in (document | members).items() if value is not None}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        page = self.pages.get(request.path_qs)
        if page is None:
            return web.Response(status=404, text="<html>nothing here</html>")
        return page if isinstance(page, web.Response) else await page(request)


@asynccontextmanager
async def served_site() -> AsyncIterator[Site]:
    """Serve a site with no pages yet."""
    served = Site()
    async with serving([web.route("*", "/{path:.*}", served.answer)]) as served.url:
        yield served


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A server with no pages yet."""
    async with served_site() as served:
        yield served
