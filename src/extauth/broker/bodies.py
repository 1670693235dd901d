"""The body of a request on its way through, kept as long as it is short, to be sent once more after a 401."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, final

from aiohttp import StreamReader

KEPT: Final = 64 * 1024
"""Bytes."""


@final
class PassingBody:
    """Sends on what comes as it comes, and keeps what has passed up to :data:`KEPT`, for :meth:`again`.

    Iterating over it twice without that fails: what an HTTP client would repeat by itself would be cut short.
    """

    def __init__(self, source: StreamReader) -> None:
        self._source = source
        self._kept: list[bytes] = []
        self._size = 0
        self._begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    def again(self) -> bool:
        """Be ready to be sent from its beginning, if all that has passed was kept."""
        self._begun = self._size > KEPT
        return not self._begun

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        if self._begun:
            msg = "the body has passed"
            raise ConnectionAbortedError(msg)
        self._begun = True
        for chunk in [*self._kept]:
            yield chunk
        async for chunk in self._source.iter_any():
            self._size += len(chunk)
            if self._size <= KEPT:
                self._kept.append(chunk)
            else:
                self._kept.clear()
            yield chunk
