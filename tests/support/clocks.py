"""Clocks that a test owns."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class LeapingClock:
    """Time stands still, but leaps ahead when someone sleeps, so that back-off costs no time."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def advance(self, span: timedelta) -> None:
        self._now += span
        self._monotonic += span.total_seconds()


class HeldClock:
    """Time moves only when the test says so, and wakes whoever has slept long enough then."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            sleeper = (self._monotonic + seconds, asyncio.get_running_loop().create_future())
            self._sleepers.append(sleeper)
            try:
                await sleeper[1]
            finally:
                self._sleepers.remove(sleeper)

    @property
    def asleep(self) -> list[float]:
        """For how many seconds more each sleeper sleeps."""
        return sorted(at - self._monotonic for at, _ in self._sleepers)

    def advance(self, span: timedelta) -> None:
        self._now += span
        self._monotonic += span.total_seconds()
        for at, sleeper in self._sleepers:
            if at <= self._monotonic and not sleeper.done():
                sleeper.set_result(None)
