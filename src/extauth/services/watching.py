"""Letting an observer watch what takes time, without its bugs in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final, TypeAlias, cast, final

from extauth.domain.watching import RefreshWatcher

logger = logging.getLogger("extauth")

Begin: TypeAlias = Callable[[], AbstractContextManager[object]]

OBSERVERS_OWN: Final = (Exception, asyncio.CancelledError)
"""What is an observer's mistake and nobody else's. What is not awaited cannot be cancelled: such an error is
of something that the observer has looked at, as the result of a task."""

_NOBODY: Final = nullcontext()


def watcher_of(observer: object) -> RefreshWatcher | None:
    """Return the observer if it has both methods; it may have anything else of either name."""
    methods = (getattr(observer, name, None) for name in ("refreshing", "waiting"))
    return cast("RefreshWatcher", observer) if all(map(callable, methods)) else None


def watched(*begins: Begin) -> AbstractContextManager[None]:
    """Return what enters and leaves each of these. Nothing that they raise gets out, and none suppresses."""
    return _Watched(begins) if begins else _NOBODY


@final
class _Watched(AbstractContextManager[None]):
    __slots__ = ("_begins", "_entered")

    def __init__(self, begins: tuple[Begin, ...]) -> None:
        self._begins = begins
        self._entered: list[AbstractContextManager[object]] = []

    def __enter__(self) -> None:
        for begin in self._begins:
            try:
                watch = begin()
                watch.__enter__()
            except OBSERVERS_OWN:
                logger.exception("the observer failed")
            else:
                self._entered.append(watch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._entered:
            try:
                self._entered.pop().__exit__(kind, error, trace)
            except OBSERVERS_OWN:
                logger.exception("the observer failed")
