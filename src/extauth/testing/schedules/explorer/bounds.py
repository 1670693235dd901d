"""What an exploration walks, and what it reports."""

from __future__ import annotations

from datetime import timedelta
from typing import final

import attrs

from extauth.domain.policy import ProviderTraits
from extauth.testing.provider_model.faults import Fault
from extauth.testing.provider_model.reuse import Reuse
from extauth.testing.schedules.interleaver.ports import REFRESH
from extauth.testing.schedules.interleaver.promises import Broken
from extauth.testing.schedules.interleaver.setting import Setting

USER = "alice"


@final
@attrs.frozen(kw_only=True)
class Bounds:
    """What one exploration walks: all orders of these calls, with so many of each mishap, at any point."""

    replicas: int = 2
    callers: int = 1
    """On each replica, from the beginning."""
    wanted: tuple[str, ...] = ("",)
    """What they ask for, taken in turn: a resource (RFC 8707), or ``""`` for the grant's own access token."""
    late_calls: int = 0
    """Further calls, on any replica at any time."""
    crashes: int = 0
    lost_replies: int = 0
    faults: frozenset[Fault] = frozenset()
    """Other things that go wrong with an exchange, each once."""
    refusals: int = 0
    """Further calls, on any replica at any time, whose callers say that an API refused the stored token."""
    authorizations: int = 0
    unlinks: int = 0
    reseals: int = 0
    """Of all at once, outside the replicas."""
    rotations: int = 0
    """Of keys, each on any replica at any time: it reads the link, and then writes it under another key."""
    cancellations: int = 0
    sweeps: int = 0
    """How often all tasks of a replica are cancelled, as at the end of ``asyncio.run``."""
    closings: int = 0
    jumps: tuple[int, ...] = ()
    """By how many seconds the store's clock may be set ahead, or back if negative; each once, at any time."""
    forgets: tuple[int, ...] = ()
    """How many of its last writes the store may lose, as in a failover; each once, at any time. It must be
    one that can: with a ``forget(writes)`` and a history."""
    store_failures: int = 0
    """Of any write, before or after it is carried out."""
    leaps: int = 0
    """How often time moves on to the next thing that happens by itself although somebody could go on now."""
    left: timedelta = timedelta(0)
    """What is left of the access token's life of an hour at the beginning."""
    reuse: Reuse = "strict"
    refresh_revokes_access_token: bool = False
    """Whether every exchange kills the access tokens that there were, and is believed to."""
    replies: frozenset[str] = frozenset({REFRESH})
    """Calls that something may happen between their being carried out and their being answered."""

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources among what is wanted."""
        return tuple(dict.fromkeys(resource for resource in self.wanted if resource))

    @property
    def traits(self) -> ProviderTraits | None:
        """What the service believes of the provider, where the habit of reuse does not say it all."""
        if not self.refresh_revokes_access_token:
            return None
        return ProviderTraits(rotates=self.reuse != "non_rotating", refresh_revokes_access_token=True)

    @property
    def details(self) -> tuple[str, ...]:
        """What is wanted, as the last word of a ``call``."""
        return tuple(f"{USER}@{resource}" if resource else USER for resource in self.wanted)


@final
@attrs.frozen
class Violation:
    """A schedule that breaks a promise."""

    broken: Broken
    script: str
    """Replays it in that setting: see :func:`extauth.testing.replay`."""
    setting: Setting = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.broken}\n{self.script}"


@final
@attrs.define
class Report:
    """What an exploration has walked."""

    bounds: Bounds
    states: int = 0
    """Different states reached."""
    schedules: int = 0
    """Runs made: schedules walked to their end, or to a state from which all has been walked before."""
    endings: int = 0
    """Different states in which nothing more could happen."""
    violations: list[Violation] = attrs.field(factory=list[Violation])
    complete: bool = True
    """Whether every schedule was walked."""
