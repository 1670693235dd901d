"""Turns at a provider: no more requests than it takes, and everybody's in the end.

A refresh waits for its turn before it claims its link, so that nobody holds a lease while waiting. As long as
a provider takes what is wanted of it, a turn is there at once and nothing is awaited.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.errors import ProviderUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
)
from extauth.domain.ports import Clock
from extauth.domain.provider_trouble import ONE_CAUSE
from extauth.domain.rate_limit import RateLimit
from extauth.domain.request_rate import FIRST_WINDOW, RequestRate
from extauth.services.refresh.places import Places, Waiter

_SLOW: Final = 1.0
"""Seconds after which a request counts as under way no more: a refusal would have come by now, and one tenant
whose server hangs must not hold up the others."""

_UNEVEN: Final = 0.05
"""Seconds by which requests may be early after others were late: nobody is woken to the millisecond."""


@final
@attrs.define(eq=False)
class _Line:
    """What goes on at one provider. Written by :class:`Turns` alone."""

    limit: RateLimit | None = None
    rate: RequestRate = attrs.field(factory=RequestRate)
    places: Places = attrs.field(factory=Places)
    under_way: dict[LinkKey, float | None] = attrs.field(factory=dict[LinkKey, "float | None"])
    """Whose turn it is, and since when the request is sent."""
    recent: dict[LinkKey, float] = attrs.field(factory=dict[LinkKey, float])
    """Those that may be refused yet, in the order in which they got their turn."""
    next_at: float = 0.0
    refused: tuple[LinkKey, float] | None = None
    """The last link whose refusal spoke for the provider, and when."""
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    server: asyncio.Task[None] | None = None
    """Gives turns while anybody waits; set and unset by itself."""

    def per_second(self, now: float) -> float | None:
        told = None if self.limit is None else self.limit.per_second
        learned = self.rate.per_second(now)
        return learned if told is None else told if learned is None else min(told, learned)

    def speed_known(self) -> bool:
        """Whether the speed is more than a guess, so that somebody can be sent away for it."""
        told = self.limit is not None and self.limit.per_second is not None
        return told or self.rate.known

    def ready_at(self, now: float) -> float:
        """Return when the next request may go, as far as can be said now."""
        most = None if self.limit is None else self.limit.concurrent
        if most is not None and len(self.under_way) >= most:
            return float("inf")
        while self.recent and (oldest := next(iter(self.recent.items())))[1] <= now - _SLOW:
            del self.recent[oldest[0]]
        if len(self.recent) >= self.rate.under_way():
            return max(next(iter(self.recent.values())) + _SLOW, self.rate.resumes)
        return max(self.next_at, self.rate.resumes)

    def first_turn(self, now: float) -> tuple[float, float]:
        """Return when the first of those who wait goes, and how many go in a second from then on.

        Who is told a time comes no earlier, however fast the line moves: a guess counts only if it is high.
        """
        start = max(now, self.rate.resumes, self.next_at)
        speed = self.per_second(start)
        if speed is None or not self.speed_known():
            speed = max(speed or 0, self.rate.seen(now), FIRST_WINDOW)
        return start, speed


@final
class Turns:
    """Gives turns at providers, each under the name that its pauses are kept under."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._closing = False
        """Set once by :meth:`hurry`."""

    def hurry(self) -> None:
        """Take note that the process is about to end: nobody waits any more."""
        self._closing = True
        now = self._clock.monotonic()
        for name, line in self._lines.items():
            self._send_away(name, line, line.places.in_order(), now)

    async def take(
        self,
        name: str,
        limit: RateLimit | None,
        key: LinkKey,
        *,
        patience: float,
        works_for: Callable[[], float],
    ) -> None:
        """Wait until the link's refresh token may be sent, or until ``patience`` on the monotonic clock.

        ``works_for`` says for how many seconds the link's access token works: until then others go first.
        What is taken must be given back; cancelling leaves nothing behind.

        :raises ProviderUnavailable: if the turn will not come so soon; ``retry_after`` says when it will.
        """
        line = self._line(name)
        line.limit = limit
        now = self._clock.monotonic()
        if not len(line.places) and line.ready_at(now) <= now:
            self._grant(line, key, now)
            return
        start, speed = line.first_turn(now)
        fits = not line.speed_known() or start + len(line.places) / speed < patience
        if self._closing or start >= patience or not (fits or line.places.is_due(key, now)):
            raise self._come_back(name, line, key, now)
        if not len(line.places):
            line.rate = line.rate.crowded(now)
        waiter = line.places.join(key, now, patience, now + works_for())
        if line.server is None:
            # In a context of its own: it serves others after this one.
            serving = self._serve(name, line)
            line.server = contextvars.Context().run(asyncio.get_running_loop().create_task, serving)
            line.server.add_done_callback(lambda server: self._ended(name, line, server))
        try:
            await waiter.turn
        except BaseException:
            line.places.leave(waiter)
            if waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self.give_back(name, key)  # it was given and taken away in the same moment
            raise

    def crowded(self, name: str) -> bool:
        """Whether a refresh would have to wait for its turn."""
        line = self._lines.get(name)
        if line is None:
            return False
        now = self._clock.monotonic()
        return bool(len(line.places)) or line.ready_at(now) > now

    def sent(self, name: str, key: LinkKey) -> None:
        """Take note that the request is about to be sent."""
        line = self._lines.get(name)
        if line is not None and key in line.under_way:
            line.under_way[key] = self._clock.monotonic()

    def answered(self, name: str, key: LinkKey, outcome: ExchangeOutcome) -> None:
        """Take note of what came of it. A refusal that speaks for the provider is told by :meth:`refused`."""
        line = self._lines.get(name)
        sent = None if line is None else line.under_way.get(key)
        if line is None or sent is None:
            return
        window_is_full = len(line.recent) >= line.rate.under_way() - 1
        line.recent.pop(key, None)
        counts = isinstance(outcome, Exchanged | GrantRejected | ClientRejected) or (
            isinstance(outcome, Deferred) and outcome.retry_after is None
        )
        if counts:
            line.places.forget(key)
            crowded = window_is_full and bool(len(line.places))
            line.rate = line.rate.after_answer(sent, crowded=crowded)
        line.changed.set()

    def speaks_for_all(self, name: str, key: LinkKey) -> bool:
        """Whether a link that is told to wait says so of the provider: another one has lately."""
        line = self._lines.get(name)
        if line is None or line.refused is None:
            return False
        last, at = line.refused
        return last != key and self._clock.monotonic() - at < ONE_CAUSE.total_seconds()

    def refused(self, name: str, key: LinkKey, wait: timedelta, *, of_rate: bool) -> timedelta:
        """Take note that the provider asked to be left alone; returns for how long it will be."""
        line = self._line(name)
        now = self._clock.monotonic()
        sent = line.under_way.get(key)
        line.rate = line.rate.after_refusal(
            now if sent is None else sent,
            now,
            wait.total_seconds(),
            crowded=bool(len(line.places)),
            of_rate=of_rate,
        )
        if of_rate:
            line.refused = key, now
        start, speed = line.first_turn(now)
        waiting = line.places.in_order()
        known = line.speed_known()
        in_vain = [w for n, w in enumerate(waiting) if start + (n / speed if known else 0) >= w.patience]
        self._send_away(name, line, in_vain, now)
        return timedelta(seconds=line.rate.resumes - now)

    def give_back(self, name: str, key: LinkKey) -> None:
        """End a turn. If nothing was sent, another one has it."""
        line = self._lines[name]
        sent = line.under_way.pop(key, None)
        line.recent.pop(key, None)
        if sent is None:
            line.places.forget(key)
            line.next_at = min(line.next_at, self._clock.monotonic())
        line.changed.set()

    def come_back_after(self, name: str, key: LinkKey) -> timedelta:
        """Return how long the link must wait for its turn, which is kept for it meanwhile."""
        line = self._line(name)
        now = self._clock.monotonic()
        return _wait(line.places.send_away(key, now, *line.first_turn(now)), now)

    def _line(self, name: str) -> _Line:
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = _Line()
        return line

    def _come_back(self, name: str, line: _Line, key: LinkKey, now: float) -> ProviderUnavailable:
        due = line.places.send_away(key, now, *line.first_turn(now))
        return ProviderUnavailable(
            f"{name} takes fewer refreshes than are wanted of it; this one's turn comes later",
            retry_after=_wait(due, now),
        )

    def _send_away(self, name: str, line: _Line, waiters: list[Waiter], now: float) -> None:
        for waiter in waiters:
            line.places.leave(waiter)
        for waiter in waiters:
            waiter.turn.set_exception(self._come_back(name, line, waiter.key, now))
        line.changed.set()

    def _grant(self, line: _Line, key: LinkKey, now: float) -> None:
        line.under_way[key] = None
        line.recent[key] = now
        speed = line.per_second(now)
        if speed is not None:
            line.next_at = max(line.next_at, now - _UNEVEN) + 1 / speed

    async def _serve(self, name: str, line: _Line) -> None:
        while len(line.places):
            now = self._clock.monotonic()
            self._send_away(name, line, line.places.impatient(now), now)
            ready_at = line.ready_at(now)
            if ready_at > now:
                await self._sleep(line, min(ready_at, line.places.patient_until()) - now)
            elif (waiter := line.places.next(now)) is not None:
                self._grant(line, waiter.key, now)
                waiter.turn.set_result(None)
        line.server = None  # whoever comes from now on needs another one

    def _ended(self, name: str, line: _Line, server: asyncio.Task[None]) -> None:
        if line.server is server:  # something has cancelled it, be it before its first step
            line.server = None
            self._send_away(name, line, line.places.in_order(), self._clock.monotonic())

    async def _sleep(self, line: _Line, seconds: float) -> None:
        line.changed.clear()
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        changed = asyncio.ensure_future(line.changed.wait())
        try:
            await asyncio.wait({sleeping, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changed.cancel()


def _wait(due: float, now: float) -> timedelta:
    """Return for how long to wait, and no less: who comes a hair too early is sent away again."""
    return timedelta(microseconds=math.ceil((due - now) * 1e6))
