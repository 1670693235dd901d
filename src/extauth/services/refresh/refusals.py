"""Which links are refused again and again, as far as this process has seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, final

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.ports import Clock
from extauth.domain.probably_dead import LONGEST_PAUSE, Refusals, is_suspected, may_mean_dead

_MANY_LINKS: Final = 1000
"""From so many on, links that nobody has asked for in a while are looked for and forgotten."""

_A_WHILE: Final = LONGEST_PAUSE + timedelta(hours=1)


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

    def suspected_after(self, provider_id: str, link: Link, outcome: ExchangeOutcome) -> int | None:
        """Take note of what a refresh of this link came to, and return after how many refusals in a row it is
        probably dead; None if it is not.

        What says nothing of the grant, such as an outage, neither adds to a row nor ends it.
        """
        if not may_mean_dead(outcome):
            return None
        known = self._refusals.get(link.key)
        now = self._clock.monotonic()
        if known is not None and known.version == link.version:
            refusals = known.again(now)
        else:
            refusals = Refusals.begin(link.version, now)
        self._forget_old(now)
        self._refusals[link.key] = refusals
        if is_suspected(link) or refusals.probably_dead(self._served.get(provider_id)):
            return refusals.tries
        return None

    def _forget_old(self, now: float) -> None:
        if len(self._refusals) >= _MANY_LINKS:
            earliest = now - _A_WHILE.total_seconds()
            self._refusals = {key: row for key, row in self._refusals.items() if row.last > earliest}
