from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from extauth import LinkingService, LinkKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.events import Event
from extauth.testing import ScriptedLinkingProvider
from tests.support.clocks import LeapingClock
from tests.support.faulty_store import FaultyStore

KEY = LinkKey("scripted", "alice")
REDIRECT_URI = "https://app.example/callback"


class Scene:
    """A store, a provider and any number of replicas, on one clock."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        self.inner: Any = MemoryLinkStore(now=self.clock.now)
        self.store: Any = FaultyStore(self.inner)
        self.provider: Any = ScriptedLinkingProvider(now=self.clock.now)
        self.events: list[Event] = []
        self.replicas: list[LinkingService] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def replica(self, *providers: ScriptedLinkingProvider, **changes: Any) -> LinkingService:
        """Start another replica."""
        options: dict[str, Any] = {"clock": self.clock, "observer": self, **changes}
        service = LinkingService(self.store, providers or [self.provider], **options)
        self.replicas.append(service)
        return service

    async def authorized(self, service: LinkingService, subject: str = "alice-there", **options: Any) -> str:
        """Let alice begin and say yes as ``subject``; return where her browser is sent."""
        url = await service.begin("scripted", "alice", REDIRECT_URI, **options)
        callback: str = self.provider.consent(url, subject)
        return callback

    async def connect(self, service: LinkingService, subject: str = "alice-there", **options: Any) -> Any:
        """Connect alice as ``subject``."""
        return await service.complete(await self.authorized(service, subject, **options), user_id="alice")

    def begun(self) -> list[Any]:
        """Return what the store keeps of authorizations."""
        return [begun.pending for begun in self.inner._authorizations._begun.values()]

    async def stored(self, provider_id: str = "scripted") -> Any:
        return await self.inner.get(LinkKey(provider_id, "alice"))


class HalfJitter(random.Random):
    """Takes a quarter of each pause away."""

    def random(self) -> float:
        return 0.5


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A store, a provider and a clock; replicas started on it are closed at the end."""
    made = Scene()
    yield made
    # A test that failed leaves a gate shut.
    provider = made.provider
    gates = [provider.gate, provider.reply_gate, provider.revoke_gate]
    for gate in [*gates, provider.identify_gate, provider.validate_gate]:
        if gate is not None:
            gate.set()
    for replica in made.replicas:
        await replica.aclose()
