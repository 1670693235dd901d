"""Which links are refused again and again, as far as this process has seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.ports import Clock
from extauth.domain.probably_dead import LONGEST_PAUSE, Refusals, is_suspected, may_mean_dead
from extauth.services.refresh.request import TokenRequest

_MANY_LINKS: Final = 1000
"""From so many on, links that nobody has asked for in a while are looked for and forgotten."""

_A_WHILE: Final = LONGEST_PAUSE + timedelta(hours=1)


@final
@attrs.frozen
class Suspect:
    """A link that is probably dead."""

    code: str
    """What was answered last."""
    tries: int
    """How often this process has seen it refused in a row."""


@final
class RefusedLinks:
    """Counts refusals that may mean a dead grant, and knows when providers have served other links."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals: dict[LinkKey, Refusals] = {}
        self._served: dict[str, float] = {}
        """By provider, when its last success was asked for, on the monotonic clock."""

    def served(self, provider_id: str, asked_at: float) -> None:
        """Take note that the provider refreshed a link when asked at that time of the monotonic clock."""
        self._served[provider_id] = max(asked_at, self._served.get(provider_id, asked_at))

    def suspect(self, request: TokenRequest, link: Link, outcome: ExchangeOutcome) -> Suspect | None:
        """Take note of what a refresh of this link came to, and return whether it is probably dead.

        What says nothing of the grant neither adds to a row nor ends it: an outage, or what is said of a
        resource.
        """
        if request.resource is not None or not may_mean_dead(outcome):
            return None
        known = self._refusals.get(link.key)
        now = self._clock.monotonic()
        if known is not None and known.version == link.version:
            refusals = known.again(now)
        else:
            refusals = Refusals.begin(link.version, now)
        self._forget_old(now)
        self._refusals[link.key] = refusals
        served_at = self._served.get(request.provider.provider_id)
        if is_suspected(link) or refusals.probably_dead(served_at):
            return Suspect(outcome.code, refusals.tries)
        return None

    def _forget_old(self, now: float) -> None:
        if len(self._refusals) >= _MANY_LINKS:
            earliest = now - _A_WHILE.total_seconds()
            self._refusals = {key: row for key, row in self._refusals.items() if row.last > earliest}
