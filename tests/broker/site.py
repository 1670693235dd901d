"""A broker between callers and an API that takes tokens: real HTTP everywhere."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, final

import aiohttp
from aiohttp import web
from yarl import URL

import extauth
from extauth import Auth, LinkKey, RefreshPolicy
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.broker import open_broker, parse_config, tcp_socket, unix_socket
from extauth.broker.callers import PREFIX, digest_of
from extauth.broker.guards import own_names
from extauth.domain.hidden import Hidden
from extauth.testing import AuthorizationServer

SECRETS = {name: f"{name}-" + "not-a-real-secret-of-anybody" for name in ("reader", "sender", "other")}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def allow(**more: Any) -> dict[str, Any]:
    """Return what a caller may do: something of alice's at example."""
    return {"provider": "example", "users": ["alice"], "rights": ["token", "proxy"], **more}


def callers() -> dict[str, Any]:
    """Return three: for tokens, for requests, and for another user's."""
    hashed = {name: f"{PREFIX}{digest_of(Hidden(secret)).hex()}" for name, secret in SECRETS.items()}
    return {
        "reader": {"secret_hash": hashed["reader"], "allow": [allow(rights=["token"])]},
        "sender": {"secret_hash": hashed["sender"], "allow": [allow(rights=["proxy"])]},
        "other": {"secret_hash": hashed["other"], "allow": [allow(users=["bob"])]},
        "local": {"uid": os.geteuid(), "allow": [allow(rights=["token"], users=["*"])]},
    }


@final
class Api:
    """An API: takes tokens that the server accepts, and writes down what it was sent."""

    def __init__(self, server: AuthorizationServer) -> None:
        self._server = server
        self.seen: list[web.BaseRequest] = []
        self.handler: Handler = self.echo
        self.before: Handler | None = None
        self.base = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Refuse a token that does not work, and else answer as the test says."""
        self.seen.append(request)
        if self.before is not None:
            return await self.before(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self._server.accepts(token):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return await self.handler(request)

    async def echo(self, request: web.BaseRequest) -> web.StreamResponse:
        """Say what came."""
        body = (await request.read()).decode()
        told = {"method": request.method, "target": request.raw_path, "body": body}
        return web.Response(text=json.dumps(told), content_type="application/json")


@final
class Site:
    """All of it."""

    def __init__(self, server: AuthorizationServer, api: Api, auth: Auth) -> None:
        self.server = server
        self.api = api
        self.auth = auth
        self.port = 0
        self.listening: socket.socket | None = None
        self.socket = Path()
        self.stop: Callable[[], Awaitable[None]] = asyncio.Event().wait  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """Where the broker is."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, caller: str | None, method: str, target: str, **options: Any) -> Answer:
        """Send a request as a caller, and return what was answered."""
        headers = dict(options.pop("headers", {}))
        if caller is not None:
            headers["Authorization"] = f"Bearer {SECRETS[caller]}"
        connector = aiohttp.UnixConnector(str(self.socket)) if options.pop("by_socket", False) else None
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
            session.request(
                method,
                URL(f"{self.url}{target}", encoded=True),
                headers=headers,
                allow_redirects=False,
                **options,
            ) as answer,
        ):
            return Answer(answer, await answer.read())

    async def raw(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


@final
class Answer:
    """What was answered."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of the problem that it is."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.headers["Cache-Control"] == "no-store"
        assert self.json["status"] == self.status
        return str(self.json["code"])


@asynccontextmanager
async def opened_site(
    folder: Path,
    *,
    path: str = "",
    grace: float = 10.0,
    changed: dict[str, Any] | None = None,
    policy: RefreshPolicy | None = None,
) -> AsyncGenerator[Site, None]:
    """Open a broker with a link of alice's, on a port and on a socket file."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(AuthorizationServer())
        api = Api(server)
        runner = web.ServerRunner(
            web.Server(api.handle, access_log=None, auto_decompress=False), shutdown_timeout=0.1
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.base = f"http://127.0.0.1:{runner.addresses[0][1]}{path}/"
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
        )
        auth = await stack.enter_async_context(extauth.open("memory://", [provider], policy=policy))
        await auth.store.put(LinkKey("example", "alice"), server.new_grant("alice"), origin=provider.origin)
        site = Site(server, api, auth)
        document = {"apis": {"example": {"base": api.base}}, "callers": {**callers(), **(changed or {})}}
        listening = stack.enter_context(tcp_socket("127.0.0.1", 0))
        site.port, site.listening = listening.getsockname()[1], listening
        site.socket = folder / "broker.sock"
        file = stack.enter_context(unix_socket(site.socket))
        broker = await stack.enter_async_context(open_broker(auth, parse_config(document, {}), grace=grace))
        await broker.listen(listening, hosts=own_names("127.0.0.1", site.port))
        await broker.listen(file, hosts=None)
        site.stop = broker.aclose
        yield site
