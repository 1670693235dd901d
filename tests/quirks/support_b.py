"""An application that uses one preset of the catalogue against a server that behaves like the provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
from aiohttp import ClientRequest, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from extauth import Link, LinkingService, LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.providers import Preset, salesforce
from extauth.domain.events import Event
from extauth.testing import AuthorizationServer, Callback, Consent, ServerQuirks
from tests.support.clocks import LeapingClock

REDIRECT_URI = "https://app.example/callback"

assert salesforce.validation is not None
AT_THE_INSTANCE = attrs.evolve(
    salesforce.validation,
    call=attrs.evolve(salesforce.validation.call, url="{extra[instance_url]}/introspect"),
)
"""Salesforce's validation, at the server's path."""


@attrs.frozen
class Sent:
    """One request of the client."""

    method: str
    url: str
    body: bytes


class Wire(TCPConnector):
    """Notes what a client sends, and lets nothing leave the machine."""

    def __init__(self) -> None:
        super().__init__(use_dns_cache=False)
        self.sent: list[Sent] = []

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        body = await req.body.as_bytes() if req.body else b""
        self.sent.append(Sent(req.method, str(req.url), body))
        assert req.url.host == "127.0.0.1", f"a request would leave the machine: {req.url.host}"
        return await super().connect(req, traces, timeout)

    def to(self, url: str) -> list[Sent]:
        """Return what was sent to a URL, whatever its query."""
        return [sent for sent in self.sent if sent.url.partition("?")[0] == url]


def led_to(server: AuthorizationServer, preset: Preset) -> dict[str, Any]:
    """Return keywords that lead a preset's URLs to the server, and change nothing else of it."""

    def led(call: Call, url: str) -> Call:
        return attrs.evolve(call, url=url)

    overrides: dict[str, Any] = {
        "authorize_url": server.authorize_url,
        "token_url": server.token_url,
        "device_url": preset.device_url and server.device_authorization_url,
        "requests": attrs.evolve(
            preset.requests, refresh_url=preset.requests.refresh_url and server.refresh_url
        ),
        "installations": None,
    }
    if preset.revocation is not None:
        url = server.revoke_url.replace("{account_id}", "me")
        overrides["revocation"] = attrs.evolve(preset.revocation, call=led(preset.revocation.call, url))
    if preset.identity.call is not None:
        overrides["identity"] = attrs.evolve(
            preset.identity, call=led(preset.identity.call, server.userinfo_url)
        )
    if preset.validation is not None:
        call = preset.validation.call
        if "{access_token}" in call.url:
            url = server.token_info_url
        elif preset.validation.active_member is not None:
            url = server.introspection_url
        elif call == preset.identity.call:
            url = server.userinfo_url
        else:
            url = server.resource_url
        overrides["validation"] = attrs.evolve(preset.validation, call=led(call, url))
    return overrides


class Application:
    """A store and the two services on it, with one preset's client at one server, all on one clock."""

    def __init__(
        self, server: AuthorizationServer, provider: OAuth2Provider, clock: LeapingClock, wire: Wire
    ) -> None:
        self.server = server
        self.provider = provider
        self.clock = clock
        self.wire = wire
        self.store = MemoryLinkStore(now=clock.now)
        self.events: list[Event] = []
        self.linking = LinkingService(self.store, [provider], clock=clock, observer=self)
        self.tokens = self.replica()

    def notify(self, event: Event) -> None:
        """Take note of what happened."""
        self.events.append(event)

    def replica(self, *providers: OAuth2Provider) -> TokenService:
        """Return another token service on the same store."""
        return TokenService(self.store, providers or [self.provider], clock=self.clock, observer=self)

    async def authorized(
        self, consent: Consent | None = None, *, user_id: str = "alice", **begin: Any
    ) -> Callback:
        """Send a user's browser to the server; return where it is sent back to."""
        url = await self.linking.begin(self.provider.provider_id, user_id, REDIRECT_URI, **begin)
        return await self.server.visit(url, consent)

    async def connect(self, consent: Consent | None = None, *, user_id: str = "alice", **begin: Any) -> Link:
        """Connect a user by the code flow."""
        callback = await self.authorized(consent, user_id=user_id, **begin)
        return await self.linking.complete(
            callback.params, user_id=user_id, method="POST" if callback.posted else "GET"
        )

    async def link(self, user_id: str = "alice") -> Link:
        """Return the user's link with an access token that works."""
        return await self.tokens.link(self.provider.provider_id, user_id)

    async def refreshed(self, user_id: str = "alice") -> Link:
        """Return the link after a refresh."""
        return await self.tokens.refresh(self.provider.provider_id, user_id)

    async def stored(self, user_id: str = "alice") -> Any:
        """Return what the store has."""
        return await self.store.get(LinkKey(self.provider.provider_id, user_id))

    async def unlink(self, user_id: str = "alice") -> Any:
        """Disconnect a user."""
        return await self.linking.unlink(self.provider.provider_id, user_id)

    async def validate(self, user_id: str = "alice") -> Any:
        """Ask whether the stored access token is accepted."""
        return await self.linking.validate(self.provider.provider_id, user_id)

    async def call_api(self, *, token: str | None = None) -> int:
        """Return the status of an API call with the link's headers, or with a bearer token."""
        link = await self.stored()
        headers = self.provider.api_headers(link.tokens)
        if token is not None:
            headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.server.resource_url, headers=headers) as response,
        ):
            return response.status


@asynccontextmanager
async def using(
    preset: Preset,
    *,
    server: Mapping[str, Any] | None = None,
    clock: LeapingClock | None = None,
    client: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    **quirks: Any,
) -> AsyncIterator[Application]:
    """Start a server with these quirks and an application with the preset's client at it.

    ``server`` are the server's other keywords, ``client`` those of the preset that are not to be its own.
    """
    clock = clock or LeapingClock()
    wire = Wire()
    behaviour: dict[str, Any] = {"monotonic": clock.monotonic, "now": clock.now, **(server or {})}
    if not preset.traits.rotates:
        behaviour.setdefault("reuse", "non_rotating")
    running = AuthorizationServer(quirks=ServerQuirks(**quirks), **behaviour)
    async with running, ClientSession(connector=wire, cookie_jar=DummyCookieJar()) as session:
        settings: dict[str, Any] = {
            "client_id": running.client_id,
            "client_secret": running.client_secret,
            "session": session,
            "reach": "any",  # the session sees to it itself
            "clock": clock,
            **led_to(running, preset),
            **(variables or {}),
            **(client or {}),
        }
        application = Application(running, preset(**settings), clock, wire)
        async with application.linking, application.tokens:
            yield application
