"""How fast upkeep refreshes the links of one provider."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, final

from extauth.domain.ports import Clock
from extauth.domain.upkeep import Upkeep
from extauth.services.upkeep.waiting import wait

IN_A_ROW: Final = 3
"""So many links that fail with no success between are taken for a sign that others would fail, too."""

_SLOWLY: Final = 1.0
"""Seconds between refreshes then: little for a provider that is down. They go on, since a row of links that
fail for reasons of their own must not hold up the others, behind whom each of them stands from then on."""


@final
class Pace:
    """Spreads refreshes over time, wider if the provider seems to be down, and rests if it asks for that."""

    def __init__(self, upkeep: Upkeep, clock: Clock, closing: asyncio.Event) -> None:
        self._every = 1 / upkeep.rate
        self._clock = clock
        self._closing = closing
        self._next_at = clock.monotonic()
        self._rests_until = clock.monotonic()
        self._failed_in_a_row = 0

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be begun now."""
        return self._closing.is_set() or self.rests_for > timedelta(0)

    @property
    def rests_for(self) -> timedelta:
        """How much longer the provider is left alone."""
        return timedelta(seconds=max(0.0, self._rests_until - self._clock.monotonic()))

    async def turn(self) -> bool:
        """Wait until the next refresh may begin; False if none is to begin any more.

        Turns are given at even distances, in the order in which they are asked for. Time in which nobody
        asked is lost, so that what has piled up comes no faster.
        """
        now = self._clock.monotonic()
        at = max(now, self._next_at)
        self._next_at = at + (max(self._every, _SLOWLY) if self._failed_in_a_row >= IN_A_ROW else self._every)
        if at > now and not self.stopped:
            await wait(self._clock, at - now, self._closing)
        return not self.stopped

    def succeeded(self) -> None:
        """Take note that the provider refreshed a link."""
        self._failed_in_a_row = 0

    def failed(self) -> None:
        """Take note that a refresh failed."""
        self._failed_in_a_row += 1

    def rest(self, span: timedelta) -> None:
        """Leave the provider alone for so long."""
        self._rests_until = max(self._rests_until, self._clock.monotonic() + span.total_seconds())
