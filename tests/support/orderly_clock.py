"""Time in which everybody who sleeps is woken in order, as soon as nobody has anything to do."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

_QUIET = 40
"""So many turns of the event loop without anybody who goes to sleep, and all are at rest."""


class OrderlyClock:
    """A clock for a store in memory and for real servers; it stands still while one is asked."""

    def __init__(self) -> None:
        self._start = datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._slept = 0
        self._asking = 0
        self._answered = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._slept, woken))
        await woken

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Let a real request take what time it takes."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            self._answered.set()

    async def run(self, work: Awaitable[T]) -> T:
        """Let time pass until the work is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await self._at_rest()
            if self._asking:
                self._answered.clear()
                await self._answered.wait()
            elif not task.done():
                self._wake_next()
        return task.result()

    async def _at_rest(self) -> None:
        quiet, slept = 0, self._slept
        while quiet < _QUIET and not self._asking:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._slept == slept else 0
            slept = self._slept

    def _wake_next(self) -> None:
        while self._sleepers:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._elapsed = max(self._elapsed, at)
                woken.set_result(None)
                return
        msg = "nobody sleeps, and nothing goes on"
        raise AssertionError(msg)
