"""A deadline that counts nothing as late that has already arrived.

An ordinary timer cancels its task when it is due, whatever lies unread in a socket by then. After a turn of
the loop that took too long (a blocking call, a process that was stopped) everything is due at once, and the
answer that came in time is thrown away with the rest. An answer to a refresh cannot be had again.

Here a timer that is due lets the loop go on reading for some turns, and cancels only what has not ended then.
A timer that the loop got to late gives some time as well: what was stopped together with this process, or was
sent while this machine was cut off from its network, comes a moment after it is awake. So does the answer to
what was written after such a pause, which may have ended just before the deadline: see :func:`wrote`.

The other way round, nothing is to be begun whose deadline is due already, or nearly: see :func:`overdue`.
"""

from __future__ import annotations

import asyncio
import math
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self, final

READING_TURNS: Final = 32
"""In a turn of the loop it looks at all sockets, and tasks take a step. An answer of a few kilobytes takes
about five from the socket to the caller, one of a megabyte about twenty."""

LATE: Final = 0.5
"""In seconds: a loop that gets to a timer later than that was kept from reading too."""
LONGEST_GRACE: Final = 5.0
"""In seconds. A loop that was kept from reading has as long again for it, and no longer than this."""

NEARLY: Final = 10
"""With less left than this part of its time, or than :data:`LATE`, a deadline is as good as due."""

_around: ContextVar[tuple[Deadline, ...]] = ContextVar("_around", default=())
"""The deadlines of this context, also of tasks that were started within one."""


def overdue() -> bool:
    """Whether a deadline around the caller is due: what it sends now would not be waited for."""
    return any(deadline.due for deadline in _around.get())


def wrote(seconds: float) -> None:
    """Take note that writing has taken so long, so that the deadlines around it leave time for the answer."""
    if seconds > LATE:
        for deadline in _around.get():
            deadline.allow(min(seconds, LONGEST_GRACE))


@final
class Deadline:
    """As ``asyncio.timeout``, with time to read what has arrived. For one use, as an async context manager.

    ``seconds`` count from entering it. It ends ``READING_TURNS`` turns of the loop after it is due, times
    ``layers``: around another deadline give one layer more, so that the inner one has its say first. Where
    the loop was :data:`LATE`, the turns come after a grace, of which there is one.

    Raises ``TimeoutError`` in place of the cancellation that it caused; one from elsewhere stays one.
    """

    def __init__(self, seconds: float, *, layers: int = 1) -> None:
        self._seconds = seconds
        self._turns = READING_TURNS * layers
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Handle | None = None
        """The next thing to happen: becoming due, the end of the grace, or one more turn of reading."""
        self._nearly = 0.0
        """In seconds: how long before that it is as good as due."""
        self._due_at = float("inf")
        """By the loop's clock; infinite before it is entered and after it was left."""
        self._grace_ends = float("-inf")
        """Set once, when there is need for it."""

    @property
    def due(self) -> bool:
        """Whether its time is up, or as good as, although it may not have ended yet."""
        return asyncio.get_running_loop().time() >= self._due_at - self._nearly

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self.extend(self._seconds)
        _around.set((*_around.get(), self))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Tasks that were started within keep it in their context.
        self._due_at = float("inf")
        _around.set(tuple(deadline for deadline in _around.get() if deadline is not self))
        await self._timeout.__aexit__(kind, error, trace)

    def extend(self, seconds: float) -> None:
        """Make it due that many seconds from now, also if it is due already and has not ended yet.

        :raises RuntimeError: if it has ended.
        """
        self._due_at = asyncio.get_running_loop().time() + seconds
        self._nearly = min(LATE, seconds / NEARLY)
        self._wait_until(max(self._due_at, self._grace_ends))

    def allow(self, seconds: float) -> None:
        """Give the grace of that many seconds from now on, if there was none and less is left."""
        grace_ends = asyncio.get_running_loop().time() + seconds
        if self._timeout.when() is None and math.isinf(self._grace_ends) and self._due_at < grace_ends:
            self._grace_ends = grace_ends
            self._wait_until(grace_ends)

    def _wait_until(self, when: float) -> None:
        self._timeout.reschedule(None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._come_due, when)

    def _come_due(self, when: float) -> None:
        late = asyncio.get_running_loop().time() - when
        if late > LATE and math.isinf(self._grace_ends):
            self.allow(min(late, LONGEST_GRACE))
        else:
            self._read_on(self._turns)

    def _read_on(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns:
            self._timer = loop.call_soon(self._read_on, turns - 1)
        else:
            self._timeout.reschedule(loop.time())
