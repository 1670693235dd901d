"""A crowd of users at a real authorization server that takes only so many requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import attrs

from extauth import LinkKey, ProviderUnavailable, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.outcomes import Deferred, ExchangeOutcome
from extauth.domain.token_set import TokenSet
from extauth.testing import AuthorizationServer
from extauth.testing.server.quirks import ServerQuirks
from tests.support.orderly_clock import OrderlyClock

SECOND = timedelta(seconds=1)
NEVER_TOLD = timedelta(days=10_000)


class WatchedProvider:
    """Notes when each request was sent, and what came of it."""

    def __init__(self, provider: OAuth2Provider, clock: OrderlyClock) -> None:
        self._provider, self._clock = provider, clock
        self.provider_id, self.traits, self.origin = provider.provider_id, provider.traits, provider.origin
        self.sent: list[float] = []
        self.pauses: list[tuple[float, float]] = []
        self.most_at_once = self._at_once = 0

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        self.sent.append(self._clock.monotonic())
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        async with self._clock.standing_still():
            outcome = await self._provider.refresh(tokens, resource=resource)
        self._at_once -= 1
        if isinstance(outcome, Deferred) and outcome.retry_after is not None:
            now = self._clock.monotonic()
            self.pauses.append((now, now + outcome.retry_after.total_seconds()))
        return outcome

    async def revoke(self, tokens: TokenSet) -> bool:
        return await self._provider.revoke(tokens)

    @property
    def into_pauses(self) -> int:
        """How many requests were sent when an answer before had asked to be left alone for longer."""
        return sum(any(began < at < ends for began, ends in self.pauses) for at in self.sent)


class Crowd:
    """The users, and what became of them."""

    def __init__(self, server: AuthorizationServer, provider: WatchedProvider, clock: OrderlyClock) -> None:
        self.server, self.provider, self.clock = server, provider, clock
        self.store = MemoryLinkStore(now=clock.now)
        self.began = clock.monotonic()
        self.told: dict[str, list[float]] = {}
        """When each user was told to come back, every time."""
        self.in_order: list[str] = []

    def service(self, **options: Any) -> TokenService:
        return TokenService(self.store, [self.provider], clock=self.clock, **options)

    async def connect(self, *users: str, works_for: timedelta = -SECOND) -> None:
        for user in users:
            tokens = attrs.evolve(self.server.new_grant(user), expires_at=self.clock.now() + works_for)
            await self.store.put(LinkKey("crm", user), tokens)

    async def come(self, tokens: TokenService, *users: str, times: int | None = None) -> None:
        """Let each ask for a token, and come back when told to until it has one, or so many times."""
        await self.clock.run(asyncio.gather(*(self.ask(tokens, user, times) for user in users)))

    async def ask(self, tokens: TokenService, user: str, times: int | None = None) -> None:
        told = self.told.setdefault(user, [])
        while times is None or len(told) < times:
            try:
                await tokens.access_token("crm", user)
            except ProviderUnavailable as error:
                wait = (error.retry_after or NEVER_TOLD).total_seconds()
                told.append(self.clock.monotonic() + wait)
                await self.clock.sleep(wait)
            else:
                self.in_order.append(user)
                return

    def allowed(self, per_second: int) -> float:
        """How many requests the limit has let through so far, at most."""
        return per_second * (1 + self.clock.monotonic() - self.began)

    def busiest_second(self) -> int:
        """The most users that were told, the first time, to come back within one second."""
        return max(Counter(int(told[0]) for told in self.told.values() if told).values(), default=0)


@asynccontextmanager
async def crowd(per_second: int | None = 5, **server: Any) -> AsyncIterator[Crowd]:
    """Run a server with that limit, and a clock that goes on by itself."""
    clock = OrderlyClock()
    limit = None if per_second is None else (per_second, SECOND)
    options: dict[str, Any] = {"monotonic": clock.monotonic, "now": clock.now, **server}
    async with AuthorizationServer(quirks=ServerQuirks(client_limit=limit), **options) as running:
        provider = OAuth2Provider(
            "crm",
            client_id=running.client_id,
            client_secret=running.client_secret,
            token_url=running.token_url,
            reach="loopback",
            clock=clock,
        )
        yield Crowd(running, WatchedProvider(provider, clock), clock)
