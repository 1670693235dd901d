"""An authorization server as some are: it takes request objects that nobody has signed, and any redirect URI.

Around it are a browser, and servers that keep the codes that reach them.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, final
from urllib.parse import urlencode

from aiohttp import ClientSession, web
from yarl import URL

from extauth import LinkingService, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from tests.support.serving import serving

CALLBACK = "/callback"


def request_object(**parameters: str) -> str:
    """Return a request object that is not signed (RFC 9101 section 4)."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, parameters)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def _parameters_of(jwt: str) -> dict[str, str]:
    payload = jwt.split(".")[1]
    read: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return read


@final
class LaxServer:
    """Its user is signed in and says yes to everything."""

    def __init__(self) -> None:
        self.url = ""
        self.accepts: Callable[[str], bool] = lambda _: True
        """Whether a redirect URI is registered."""
        self.reads_any_case = False
        """Whether it reads names of parameters in any case."""
        self.granted = 0

    async def authorize(self, request: web.Request) -> web.Response:
        given: Mapping[str, str] = request.query
        if self.reads_any_case:
            given = {name.lower(): value for name, value in given.items()}
        if "request_uri" in given:
            async with ClientSession() as session, session.get(given["request_uri"]) as answer:
                given = {**given, **_parameters_of(await answer.text())}
        elif "request" in given:
            given = {**given, **_parameters_of(given["request"])}
        redirect_uri = given["redirect_uri"]
        if not self.accepts(redirect_uri):
            raise web.HTTPBadRequest
        self.granted += 1
        answer_query = urlencode({"code": f"code-{self.granted}", "state": given["state"]})
        mark = "#" if given.get("response_mode") == "fragment" else "&" if "?" in redirect_uri else "?"
        return web.Response(status=302, headers={"Location": f"{redirect_uri}{mark}{answer_query}"})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        return web.json_response({"access_token": f"at of {form['code']!s}", "token_type": "Bearer"})

    def provider(self, **options: Any) -> OAuth2Provider:
        urls = {"authorize_url": f"{self.url}/authorize", "token_url": f"{self.url}/token"}
        return OAuth2Provider("lax", client_id="c", client_secret="s", **{**urls, **options})


@final
class Site:
    """Keeps the code of whoever calls it; at ``/go/...`` it sends browsers on, as many sites do."""

    def __init__(self) -> None:
        self.url = ""
        self.codes: list[str] = []
        self.object = ""
        """A request object, at ``/object``."""

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/object":
            return web.Response(text=self.object)
        if request.path.startswith("/go/"):
            location = f"{request.path.removeprefix('/go/')}?{request.query_string}"
            return web.Response(status=302, headers={"Location": location})
        self.codes += request.query.getall("code", [])
        return web.Response(text="hello")


@final
class Begun:
    """The application at ``app``, the attacker at ``evil``, and the server that both know."""

    def __init__(self, server: LaxServer, app: Site, evil: Site, exits: AsyncExitStack) -> None:
        self.server, self.app, self.evil = server, app, evil
        self._exits = exits

    async def linking(self, **options: Any) -> LinkingService:
        store = await self._exits.enter_async_context(open_store("memory://"))
        linking = LinkingService(store, [self.server.provider(**options)])
        return await self._exits.enter_async_context(linking)

    async def begun(self, redirect_uri: str, params: Mapping[str, str] | None = None, **options: Any) -> str:
        """Let the victim begin, follow the browser, and return where it ends."""
        linking = await self.linking(**options)
        return await browse(await linking.begin("lax", "victim", redirect_uri, params=params))

    async def connected(self, redirect_uri: str, params: Mapping[str, str] | None = None) -> None:
        """Connect a user honestly; only the application sees the code."""
        linking = await self.linking()
        callback = await browse(await linking.begin("lax", "alice", redirect_uri, params=params))
        link = await linking.complete(callback, user_id="alice")
        assert link.tokens.access_token == f"at of {self.app.codes[-1]}"
        assert self.evil.codes == []


async def browse(url: str) -> str:
    """Open a URL as browsers do (WHATWG URL, section 4.4), and return the last one."""
    async with ClientSession() as session:
        while url.startswith("http"):
            # Backslashes are slashes to it, and dot segments it resolves itself, as yarl does.
            async with session.get(
                URL(url.replace("\\", "/"), encoded=False), allow_redirects=False
            ) as answer:
                if "Location" not in answer.headers:
                    return url
                url = answer.headers["Location"]
    return url


@asynccontextmanager
async def begun_world() -> AsyncIterator[Begun]:
    """Run all three on loopback."""
    server, app, evil = LaxServer(), Site(), Site()
    async with AsyncExitStack() as exits:
        routes: dict[Any, list[web.RouteDef]] = {
            server: [web.get("/authorize", server.authorize), web.post("/token", server.token)],
            app: [web.get("/{path:.*}", app.answer)],
            evil: [web.get("/{path:.*}", evil.answer)],
        }
        for each, handlers in routes.items():
            each.url = await exits.enter_async_context(serving(handlers))
        yield Begun(server, app, evil, exits)


@asynccontextmanager
async def wiretap() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen where a host on the network is reached in clear; yields the port and what was heard."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1], heard
