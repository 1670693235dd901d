"""Time that moves only when a test moves it, and an event loop that lives by it.

The loop stops of its own accord as soon as nothing is left to do at the present instant: every callback has
run, every timer that is due has fired, and no real input or output is awaited. A driver can therefore let one
thing happen, run the loop until it is idle, and look at what came of it, without sleeping and without a race.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, final

_T = TypeVar("_T")

MICROSECONDS = 1_000_000

_ROUNDING = 1e-3
"""Part of a microsecond that sums of floats may be wrong by."""

REAL_PATIENCE = 60.0
"""Seconds of real time after which real input or output that a store awaits is taken for stuck."""


@final
class VirtualClock:
    """Wall clock and monotonic clock in one; both stand still until :meth:`advance`.

    Give :meth:`store_now` to a :class:`~extauth.adapters.memory.MemoryLinkStore`: its leases lapse by it.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0
        """In microseconds, because sums of floats depend on their order."""
        self._jumped = timedelta(0)

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return self._start + timedelta(microseconds=self._elapsed)

    def store_now(self) -> datetime:
        """Return the time by the store's clock, which may have jumped."""
        return self.now() + self._jumped

    def jump(self, seconds: float) -> None:
        """Set the store's clock ahead by so many seconds, or back if they are negative."""
        self._jumped += timedelta(seconds=seconds)

    @property
    def jumped(self) -> timedelta:
        """How far the store's clock is ahead by now."""
        return self._jumped

    def monotonic(self) -> float:
        """Return the seconds that have passed since the start."""
        return self._elapsed / MICROSECONDS

    def at(self, monotonic: float) -> datetime:
        """Return what the wall clock shows when :meth:`monotonic` is that."""
        return self._start + timedelta(seconds=monotonic)

    def advance(self, seconds: float) -> None:
        """Move on by that many seconds, rounded up to a microsecond.

        :raises ValueError: if they are negative.
        """
        if seconds < 0:
            msg = f"time does not go back: {seconds}"
            raise ValueError(msg)
        self._elapsed += _microseconds(seconds)

    def in_seconds(self, seconds: float) -> float:
        """Return what :meth:`monotonic` will be after that many seconds, rounded up to a microsecond."""
        return (self._elapsed + _microseconds(seconds)) / MICROSECONDS

    def until(self, moment: float) -> float:
        """Return how far to :meth:`advance` so that ``moment`` has come, at least one microsecond."""
        return max(math.ceil(moment * MICROSECONDS - _ROUNDING) - self._elapsed, 1) / MICROSECONDS

    def reset(self) -> None:
        """Go back to the start, for another run."""
        self._elapsed = 0
        self._jumped = timedelta(0)


def _microseconds(seconds: float) -> int:
    return math.ceil(seconds * MICROSECONDS - _ROUNDING)


@final
class _IdleSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Tells the loop when it has nothing to do, where an ordinary selector would put the thread to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = 0
        """How many calls wait for real input or output."""
        self.on_idle: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0 and not self.awaited:
            return []
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.awaited:
            ready = super().select(REAL_PATIENCE)
            if not ready:
                msg = f"the store did not answer within {REAL_PATIENCE} real seconds"
                raise TimeoutError(msg)
            return ready
        self.on_idle()
        return []


@final
class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a :class:`VirtualClock` that is driven step by step."""

    def __init__(self, clock: VirtualClock) -> None:
        self._idle_selector = _IdleSelector()
        self._virtual_clock = clock
        self._timers: list[asyncio.TimerHandle] = []
        super().__init__(self._idle_selector)
        self._idle_selector.on_idle = self.stop

    def time(self) -> float:
        return self._virtual_clock.monotonic()

    def call_at(  # type: ignore[override]  # typeshed ties the arguments to the callback's
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        self._timers.append(handle)
        return handle

    def settle(self) -> None:
        """Run until nothing is left to do at the present instant."""
        self.run_forever()

    def complete(self, work: Awaitable[_T]) -> _T:
        """Carry one piece of real work through, waiting for it in real time."""
        task = asyncio.ensure_future(self.real(work), loop=self)
        self.settle()
        return task.result()

    async def real(self, work: Awaitable[_T]) -> _T:
        """Await ``work``, which may need real input or output: the loop is not idle meanwhile."""
        self._idle_selector.awaited += 1
        try:
            return await work
        finally:
            self._idle_selector.awaited -= 1

    def drop_timers(self) -> None:
        """Forget the timers of a run that is over; those that have fired would seem to be ahead once the
        clock has been reset."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def next_timer(self) -> float | None:
        """Return when the next timer fires, on the virtual clock, or None if none is set."""
        now = self.time()
        self._timers = [timer for timer in self._timers if not timer.cancelled() and timer.when() > now]
        return min((timer.when() for timer in self._timers), default=None)
