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
