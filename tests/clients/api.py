"""A provider's API over HTTP: it takes an authorization server's live tokens, and notes what it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from aiohttp import web

from extauth.testing import AuthorizationServer

INSUFFICIENT = 'Basic realm="x, y", Bearer realm="api", error="insufficient_scope", scope="read write"'


@attrs.frozen
class Seen:
    """One request, as it arrived."""

    method: str
    path: str
    shown: str | None
    """Its Authorization header."""
    body: bytes
    headers: dict[str, str]
    connection: int
    """Which connection it came on."""


@attrs.define(eq=False)
class Api:
    """One origin."""

    server: AuthorizationServer
    url: str = ""
    seen: list[Seen] = attrs.field(factory=list)
    gate: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Opened by a test for what waits at ``/gate``."""
    arrived: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set by what came there."""
    connections: list[object] = attrs.field(factory=list)
    scheme: str = "Bearer"

    def shown(self) -> list[str | None]:
        """Return the Authorization headers in order."""
        return [each.shown for each in self.seen]

    async def note(self, request: web.Request) -> None:
        if request.transport not in self.connections:
            self.connections.append(request.transport)
        self.seen.append(
            Seen(
                request.method,
                request.path,
                request.headers.get("Authorization"),
                await request.read(),
                dict(request.headers),
                self.connections.index(request.transport),
            )
        )

    def judged(self, request: web.Request) -> web.Response | None:
        """Return the refusal of a token that is not live."""
        shown = request.headers.get("Authorization", "").removeprefix(self.scheme).strip()
        if shown in self.server.grants.live_access_tokens(time.monotonic()):
            return None
        challenge = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
        return web.json_response({"error": "invalid_token"}, status=401, headers=challenge)

    async def me(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        return self.judged(request) or web.json_response({"method": request.method})

    async def never(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        return web.Response(status=401, text="never")

    async def forbidden(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        return web.Response(status=403, text="not yours", headers={"WWW-Authenticate": "Bearer"})

    async def scoped(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        refused = self.judged(request) if "live" in request.query else None
        shown = request.headers.get("Authorization", "").partition(" ")[2]
        headers = {"WWW-Authenticate": request.query.get("challenge", INSUFFICIENT).replace("SHOWN", shown)}
        return refused or web.Response(status=int(request.query.get("status", "403")), headers=headers)

    async def to(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        headers = {"Location": request.query["url"]}
        return web.Response(status=int(request.query.get("status", "302")), headers=headers)

    async def at_the_gate(self, request: web.Request) -> web.StreamResponse:
        """Judge first, as a server that is slow to answer does."""
        await self.note(request)
        refused = self.judged(request)
        self.arrived.set()
        await self.gate.wait()
        return refused or web.json_response({})

    async def in_parts(self, request: web.Request) -> web.StreamResponse:
        await self.note(request)
        if refused := self.judged(request):
            return refused
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"one")
        await self.gate.wait()
        await answer.write(b"two")
        return answer

    async def early(self, request: web.Request) -> web.StreamResponse:
        """Refuse before the body is there."""
        shown = request.headers.get("Authorization")
        if refused := self.judged(request):
            self.seen.append(Seen(request.method, request.path, shown, b"", dict(request.headers), 0))
            return refused
        return await self.me(request)


@asynccontextmanager
async def serving_api(server: AuthorizationServer) -> AsyncIterator[Api]:
    """Serve one on loopback while it is entered."""
    api = Api(server)
    app = web.Application(client_max_size=2**24)
    for path, handler in {
        "/me": api.me,
        "/never": api.never,
        "/forbidden": api.forbidden,
        "/scoped": api.scoped,
        "/to": api.to,
        "/gate": api.at_the_gate,
        "/parts": api.in_parts,
        "/early": api.early,
    }.items():
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port, *_ = runner.addresses[0]
        api.url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()
