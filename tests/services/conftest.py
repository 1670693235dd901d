from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import Link, LinkKey, RefreshPolicy, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.events import Event
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.clocks import LeapingClock
from tests.support.faulty_store import FaultyStore

KEY = LinkKey("scripted", "alice")


class Scene:
    """A store, a provider and any number of replicas, on one clock."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        self.inner: Any = MemoryLinkStore(now=self.clock.now)
        self.store = FaultyStore(self.inner)
        self.provider = ScriptedProvider(now=self.clock.now)
        self.events: list[Event] = []
        self.replicas: list[TokenService] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def replica(self, **changes: Any) -> TokenService:
        """Start another replica."""
        options: dict[str, Any] = {"clock": self.clock, "observer": self, **changes}
        self.replicas.append(TokenService(self.store, [self.provider], **options))
        return self.replicas[-1]

    async def link(self, *, expires_in: timedelta | None = timedelta(0), **changes: Any) -> Link:
        """Connect alice with a token that has this much left of an hour's life."""
        now = self.clock.now()
        expires_at = None if expires_in is None else now + expires_in
        tokens = attrs.evolve(
            self.provider.grant(), expires_at=expires_at, issued_at=now - timedelta(hours=1), **changes
        )
        link: Link = await self.inner.put(KEY, tokens)
        return link

    async def stored(self) -> Link:
        link: Link | None = await self.inner.get(KEY)
        assert link is not None
        return link


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A store, a provider and a clock; replicas started on it are closed at the end."""
    made = Scene()
    yield made
    # A test that failed leaves a gate shut.
    for gate in (made.provider.gate, made.provider.reply_gate):
        if gate is not None:
            gate.set()
    for replica in made.replicas:
        await replica.aclose()


@pytest.fixture
def brief() -> Callable[..., RefreshPolicy]:
    """Policies whose waiting really takes only moments."""

    def policy(**changes: Any) -> RefreshPolicy:
        spans: dict[str, Any] = {
            "exchange_timeout": timedelta(seconds=5),
            "lease_ttl": timedelta(seconds=12),
            **changes,
        }
        return RefreshPolicy(**spans)

    return policy
