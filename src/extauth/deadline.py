"""A deadline that counts nothing as late that has already arrived.

An ordinary timer cancels its task when it is due, whatever lies unread in a socket by then. After a turn of
the loop that took too long (a blocking call, a process that was stopped) everything is due at once, and the
answer that came in time is thrown away with the rest. An answer to a refresh cannot be had again.

Here a timer that is due lets the loop go on reading for some turns, and cancels only what has not ended then.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self, final

READING_TURNS: Final = 32
"""In a turn of the loop it looks at all sockets, and tasks take a step. An answer of a few kilobytes takes
about five from the socket to the caller, one of a megabyte about twenty."""


@final
class Deadline:
    """As ``asyncio.timeout``, with time to read what has arrived. For one use, as an async context manager.

    ``seconds`` count from entering it. It ends ``READING_TURNS`` turns of the loop after it is due, times
    ``layers``: around another deadline give one layer more, so that the inner one has its say first.

    Raises ``TimeoutError`` in place of the cancellation that it caused; one from elsewhere stays one.
    """

    def __init__(self, seconds: float, *, layers: int = 1) -> None:
        self._seconds = seconds
        self._turns = READING_TURNS * layers
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Handle | None = None
        """The next thing to happen: becoming due, or one more turn of reading."""

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self.extend(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def extend(self, seconds: float) -> None:
        """Make it due that many seconds from now, also if it is due already and has not ended yet.

        :raises RuntimeError: if it has ended.
        """
        self._timeout.reschedule(None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._read_on, self._turns)

    def _read_on(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns:
            self._timer = loop.call_soon(self._read_on, turns - 1)
        else:
            self._timeout.reschedule(loop.time())
