"""What one storm consists of: how many of everything, how fast, and from which seed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final, Literal, final

import attrs

from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.domain.policy import Backoff, RefreshPolicy

PROVIDER: Final = "chaos"
"""The provider part of every link's key."""

POLICY: Final = RefreshPolicy(
    exchange_timeout=timedelta(seconds=2),
    lease_ttl=timedelta(seconds=4),
    save_margin=timedelta(seconds=1),
    wait_timeout=timedelta(seconds=10),
    retry=Backoff(initial=timedelta(milliseconds=50), maximum=timedelta(milliseconds=250)),
    cooldown=Backoff(initial=timedelta(milliseconds=200), maximum=timedelta(seconds=1)),
)
"""Short spans, so that leases lapse and are taken over all the time."""

TIMEOUTS: Final = HttpTimeouts(
    connect=timedelta(seconds=1), read=timedelta(seconds=1.5), total=timedelta(seconds=1.8)
)


@final
@attrs.frozen(kw_only=True)
class Plan:
    """One storm. It ends when it has had its kills and rotations, or at ``limit``."""

    seed: int
    replicas: int = 4
    callers: int = 12
    """In each replica."""
    links: int = 40
    kills: int = 100
    rotations: int = 2000
    kill_every: timedelta = timedelta(seconds=1.8)
    """On average."""
    lifetime: timedelta = timedelta(seconds=3)
    """Of an access token; whole seconds."""
    cuts: float = 0.06
    """Part of the exchanges whose connection the proxy cuts."""
    slowest: timedelta = timedelta(milliseconds=150)
    """The longest that the proxy holds a reply back, so that a kill often hits an exchange."""
    limit: timedelta = timedelta(minutes=5)
    broken: str | None = None
    """Which deliberately broken store the replicas use, to show that the oracle notices."""

    @property
    def users(self) -> list[str]:
        """Whose links there are."""
        return [f"user-{number:03}" for number in range(self.links)]

    def restarts(self) -> dict[int, Literal["fast", "immediate"]]:
        """After which kill the store's server is restarted, and how."""
        return {self.kills // 3: "fast", self.kills * 2 // 3: "immediate"}

    def rng(self, what: str) -> random.Random:
        """Return a source of random numbers of its own for one purpose."""
        return random.Random(f"{self.seed}:{what}")
