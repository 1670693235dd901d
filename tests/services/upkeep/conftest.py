"""Upkeep on every store, at a provider in memory and on a clock that the test owns."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import Link, LinkKey, RefreshPolicy, TokenService, Upkeep, UpkeepService
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.events import Event
from extauth.domain.linking_ports import Store
from extauth.domain.policy import ProviderTraits
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.clocks import LeapingClock

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class StartingClock(LeapingClock):
    """Starts now, because the databases' own clocks say when a link was written."""

    def __init__(self) -> None:
        super().__init__()
        self._now = datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        # A span holds no less than a microsecond, and who sleeps for less would sleep for ever.
        await super().sleep(max(seconds, 1e-6))


class Scene:
    """One store and one provider, and any number of replicas with upkeep."""

    def __init__(self, store: Store, clock: StartingClock | None = None) -> None:
        self.clock = clock or StartingClock()
        self.store = store
        self.provider = ScriptedProvider("github", now=self.clock.now, lifetime=HOUR)
        self.others = [ScriptedProvider(name, now=self.clock.now) for name in ("github2", "gitlab")]
        self.events: list[Event] = []
        self.services: list[TokenService] = []
        self.policy = RefreshPolicy()

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def replica(self, **upkeep: Any) -> UpkeepService:
        """Start another replica; ``upkeep`` is what it does."""
        providers = [self.provider, *self.others]
        common: dict[str, Any] = {"clock": self.clock, "observer": self}
        tokens = TokenService(self.store, providers, policy=self.policy, **common)
        self.services.append(tokens)
        settings = Upkeep(**{"rate": 1e6, **upkeep})
        return UpkeepService(
            self.store, providers, tokens, upkeep=settings, rng=random.Random(len(self.services)), **common
        )

    async def link(
        self, user: str, expires_in: timedelta | None = timedelta(0), provider: str = "github", **changes: Any
    ) -> LinkKey:
        """Connect a user with an hour's token that has this much left."""
        key = LinkKey(provider, user)
        now = self.clock.now()
        values: dict[str, Any] = {
            "expires_at": None if expires_in is None else now + expires_in,
            "issued_at": now + (expires_in or HOUR) - HOUR,
            **changes,
        }
        origin = values.pop("origin", None)
        served_by = next(each for each in [*self.others, self.provider] if is_of(each, provider))
        await self.store.put(key, attrs.evolve(served_by.grant(user), **values), origin=origin)
        return key

    async def stored(self, key: LinkKey) -> Link:
        link = await self.store.get(key)
        assert link is not None
        return link

    async def versions(self, *keys: LinkKey) -> list[int]:
        return [(await self.stored(key)).version for key in keys]


class Wrapped:
    """A store of which some methods are replaced."""

    def __init__(self, store: Any, **methods: Any) -> None:
        self._store = store
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def is_of(provider: ScriptedProvider, provider_id: str) -> bool:
    """Whether such links are the provider's."""
    return f"{provider_id}/".startswith(f"{provider.provider_id}/")


def fixed_end() -> ProviderTraits:
    """A grant that ends a year after the consent, however much it is used."""
    return ProviderTraits(rotates=False, refresh_token_lifetime=365 * DAY)


@pytest.fixture
async def scene(any_store: Store) -> AsyncIterator[Scene]:
    """A store of each kind with nothing in it, and nothing that runs."""
    made = Scene(any_store)
    yield made
    for gate in (made.provider.gate, made.provider.reply_gate):
        if gate is not None:
            gate.set()
    for service in made.services:
        await service.aclose()


@pytest.fixture
async def memory() -> AsyncIterator[Scene]:
    """The same on the store in memory, for what has nothing to do with databases."""
    clock = StartingClock()
    made = Scene(MemoryLinkStore(now=clock.now), clock)
    yield made
    for gate in (made.provider.gate, made.provider.reply_gate):
        if gate is not None:
            gate.set()
    for service in made.services:
        await service.aclose()
