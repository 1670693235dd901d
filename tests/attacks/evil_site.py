"""A server on loopback that publishes a document, takes what is sent to it, and stands between others."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, final

import pytest
from aiohttp import web

from extauth.services.linking import code_flow
from tests.support.raw_client import ask
from tests.support.serving import serving

Change: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@final
class EvilSite:
    """Its ``/token`` is a gateway to an honest token endpoint; its ``/api`` wants access tokens."""

    def __init__(self) -> None:
        self.url = ""
        self.document: dict[str, Any] = {}
        """Its metadata (RFC 8414)."""
        self.registration: dict[str, Any] = {}
        """What clients that register are told (RFC 7591)."""
        self.token_url = ""
        """Where the gateway leads."""
        self.change: Change = dict
        """What the gateway makes of each answer."""
        self.taken: list[dict[str, Any]] = []
        """The honest answers that came through the gateway."""
        self.bearers: list[str] = []
        """The access tokens that its API was shown."""

    def publish(self, **members: Any) -> None:
        """Publish metadata with its own issuer, unless ``members`` say otherwise."""
        own = {"issuer": self.url, "authorization_endpoint": f"{self.url}/authorize"}
        more = {"token_endpoint": f"{self.url}/token", "registration_endpoint": f"{self.url}/register"}
        self.document = {**own, **more, "code_challenge_methods_supported": ["S256"], **members}

    async def metadata(self, _: web.Request) -> web.Response:
        """Answer with the document."""
        return web.json_response(self.document)

    async def register(self, _: web.Request) -> web.Response:
        """Answer with the client that it has prepared."""
        return web.json_response(self.registration, status=201)

    async def token(self, request: web.Request) -> web.Response:
        """Ask the honest endpoint the same, keep what it answers, and hand on what that is changed into."""
        answer = await ask("POST", self.token_url, data=dict(await request.post()))
        if answer.status == 200:
            self.taken.append(answer.json)
            return web.json_response(self.change(answer.json))
        return web.json_response(answer.json, status=answer.status)

    async def api(self, request: web.Request) -> web.Response:
        """Take the access token."""
        self.bearers.append(request.headers["Authorization"].removeprefix("Bearer "))
        return web.json_response({})


@asynccontextmanager
async def evil_site() -> AsyncIterator[EvilSite]:
    """Run one."""
    site = EvilSite()
    routes = [
        web.get("/.well-known/oauth-authorization-server", site.metadata),
        web.post("/register", site.register),
        web.post("/token", site.token),
        web.get("/api", site.api),
    ]
    async with serving(routes) as site.url:
        yield site


def claims_changed(answer: dict[str, Any], **claims: Any) -> dict[str, Any]:
    """Return an answer whose ID token says something else. Its signature is no good, which nobody sees who
    trusts the token endpoint instead (OpenID Connect Core section 3.1.3.7)."""
    head, payload, signature = answer["id_token"].split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps({**said, **claims}).encode()).rstrip(b"=").decode()
    return {**answer, "id_token": f"{head}.{changed}.{signature}"}


def no_nonce(patch: pytest.MonkeyPatch) -> None:
    """Send no nonce and look for none."""
    patch.setattr(code_flow, "nonce", lambda *_: None)
