"""Two replicas of an application at a server with a habit, on one store and one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, final

import attrs

import extauth
from extauth import Auth, Link
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer, Consent, ServerQuirks
from tests.support.clocks import LeapingClock

CALLBACK = "https://app.example/callback"
LIFETIME = timedelta(hours=1)


@final
@attrs.frozen
class Application:
    """Replicas that share a store, and the server at which their users are connected."""

    server: AuthorizationServer
    replicas: list[Auth]
    clock: LeapingClock

    async def connect(self, user: str = "alice", **options: Any) -> Link:
        """Send a user to the server and back."""
        url = await self.replicas[0].begin("http", user, CALLBACK, **options)
        callback = await self.server.visit(url, Consent.approve(user))
        return await self.replicas[0].complete(callback.url, user_id=user, provider_id="http")

    async def expire(self) -> None:
        """Let all access tokens expire."""
        self.clock.advance(2 * LIFETIME)

    async def tokens(self, user: str = "alice") -> set[str]:
        """Ask for the user's token as six callers of all replicas, at once."""
        askers = [replica.access_token("http", user) for replica in self.replicas * 3]
        return set(await asyncio.gather(*askers))

    async def stored(self, user: str = "alice") -> Link:
        """Return what is kept of the user."""
        return await self.replicas[0].link("http", user)


@asynccontextmanager
async def application(
    quirks: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
    provider: dict[str, Any] | None = None,
) -> AsyncGenerator[Application]:
    """Start a server with these quirks and options, and two replicas that know it as ``provider`` says."""
    clock = LeapingClock()
    async with AuthorizationServer(
        quirks=ServerQuirks(**(quirks or {})),
        access_token_lifetime=LIFETIME,
        monotonic=clock.monotonic,
        now=clock.now,
        **{"pause": clock.sleep, **(server or {})},
    ) as serving:
        known = OAuth2Provider(
            "http",
            **{
                "client_id": serving.client_id,
                "client_secret": serving.client_secret,
                "authorize_url": serving.authorize_url,
                "token_url": serving.token_url,
                "clock": clock,
                **(provider or {}),
            },
        )
        store = MemoryLinkStore(now=clock.now)
        async with AsyncExitStack() as stack:
            replicas = [
                await stack.enter_async_context(extauth.open(store, [known], clock=clock)) for _ in range(2)
            ]
            yield Application(serving, replicas, clock)
