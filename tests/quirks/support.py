"""A user's account at a provider with habits of its own, from consent to refreshes, over real HTTP.

Client, server, store and services share one clock that only the test moves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, final

import attrs

from extauth import Link, LinkingService, LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import Preset
from extauth.testing import AuthorizationServer, Consent, ServerQuirks
from tests.support.clocks import LeapingClock

CALLBACK = "https://app.example/callback"
USER = "alice"

_NO_CALLS = {"revocation": None, "validation": None, "installations": None}
"""Presets call the provider's real hosts for these."""


@final
@attrs.define(eq=False)
class Scene:
    """One provider's server, one application with a store, and the user alice."""

    clock: LeapingClock
    server: AuthorizationServer
    store: MemoryLinkStore
    _exits: AsyncExitStack

    def client(self, preset: Preset, **overrides: Any) -> OAuth2Provider:
        """Return the preset's client, with every URL at the server. ``overrides`` are as the preset takes."""
        requests = preset.requests
        if requests.refresh_url is not None:
            requests = attrs.evolve(requests, refresh_url=self.server.refresh_url)
        settings: dict[str, Any] = {
            "client_id": self.server.client_id,
            "authorize_url": self.server.authorize_url,
            "token_url": self.server.token_url,
            "device_url": None,
            "identity": attrs.evolve(preset.identity, call=None),
            "requests": requests,
            "clock": self.clock,
            **_NO_CALLS,
            **overrides,
        }
        if "client_key" not in settings and settings.get("client_auth") != "none":
            settings.setdefault("client_secret", self.server.client_secret)
        return preset(**settings)

    def linking(self, provider: OAuth2Provider) -> LinkingService:
        """Return a replica's service that connects users."""
        return LinkingService(self.store, [provider], clock=self.clock)

    async def tokens(self, provider: OAuth2Provider, store: MemoryLinkStore | None = None) -> TokenService:
        """Return a replica's service that hands out access tokens; it is closed with the scene."""
        service = TokenService(store or self.store, [provider], clock=self.clock)
        return await self._exits.enter_async_context(service)

    async def connect(self, provider: OAuth2Provider, consent: Consent | None = None, **request: Any) -> Link:
        """Send alice to the provider and back, and return her link."""
        async with self.linking(provider) as linking:
            url = await linking.begin(provider.provider_id, USER, CALLBACK, **request)
            callback = await self.server.visit(url, consent)
            given = callback.params if callback.posted else callback.url
            return await linking.complete(given, user_id=USER, method="POST" if callback.posted else "GET")

    async def stored(self, provider_id: str) -> Link | None:
        """Return what the store has."""
        return await self.store.get(LinkKey(provider_id, USER))

    def subject(self, access_token: str) -> str | None:
        """Return whose access token this is, if the API accepts it now."""
        return self.server.grants.subject_of(access_token) if self.server.accepts(access_token) else None

    def live(self, link: Link) -> bool:
        """Whether the link's refresh token is the one that the server would take."""
        return link.tokens.refresh_token in self.server.grants.live_refresh_tokens()

    def pass_time(self, span: timedelta) -> None:
        """Let time pass for everyone."""
        self.clock.advance(span)

    def expire(self) -> None:
        """Let the lifetime of an access token pass, and a little more."""
        self.clock.advance(timedelta(seconds=self.server.grants.access_token_lifetime + 60))


@asynccontextmanager
async def scene(*, server: dict[str, Any] | None = None, **quirks: Any) -> AsyncIterator[Scene]:
    """Run a server with these quirks; ``server`` are further arguments of ``AuthorizationServer``."""
    clock = LeapingClock()
    settings = {"monotonic": clock.monotonic, "now": clock.now, "pause": clock.sleep, **(server or {})}
    async with (
        AuthorizationServer(quirks=ServerQuirks(**quirks), **settings) as running,
        AsyncExitStack() as exits,
    ):
        yield Scene(clock, running, MemoryLinkStore(now=clock.now), exits)
