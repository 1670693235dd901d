"""A clock that goes as clocks do, and that a test moves ahead."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import final

from extauth.clock import SystemClock


@final
class MovableClock:
    """A :class:`~extauth.Clock` for tests: the machine's time, and as much more as the test has moved it.

    It goes on by itself, so that nothing waits for ever; :meth:`advance` lets hours pass at once, and wakes
    whoever has slept long enough by then. Give it to ``extauth.open(clock=...)``, and its methods to the
    provider: ``now=clock.now``, and ``monotonic=clock.monotonic`` to an ``AuthorizationServer``. Leases in a
    database end by the database's clock, which it does not move.
    """

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._ahead = timedelta(0)
        self._moved = asyncio.Event()
        """Set, and another one made, each time that it is moved."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return self._machine.now() + self._ahead

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._machine.monotonic() + self._ahead.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until that much has passed, or was moved over."""
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := until - self.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._moved.wait()

    def advance(self, span: timedelta) -> None:
        """Let that much time pass at once.

        :raises ValueError: if it is negative: time does not go back.
        """
        if span < timedelta(0):
            msg = f"time does not go back: {span}"
            raise ValueError(msg)
        self._ahead += span
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
