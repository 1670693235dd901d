"""Telling the log and the application's observer what happens."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from functools import partial
from typing import final

from extauth.domain.event_reports import report, severity
from extauth.domain.events import Event
from extauth.domain.link import LinkKey
from extauth.domain.ports import Observer
from extauth.services.arguments import checked_observer
from extauth.services.watching import OBSERVERS_OWN, watched, watcher_of

logger = logging.getLogger("extauth")

_LEVELS = logging.getLevelNamesMapping()


@final
class EventEmitter:
    """Passes each event on, and logs it on the ``extauth`` logger unless the observer does so (``logs``)."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = checked_observer(observer)
        self._logs = not getattr(observer, "logs", False)
        self._watcher = watcher_of(observer)

    def emit(self, event: Event) -> None:
        """Never raises: an observer's bug must not come between an exchange and its save."""
        if self._logs:
            log(event)
        if self._observer is not None:
            tell(self._observer, event)

    def refreshing(self, key: LinkKey) -> AbstractContextManager[None]:
        """Return what a refresh is to run within; it neither raises nor suppresses."""
        return watched() if self._watcher is None else watched(partial(self._watcher.refreshing, key))

    def waiting(self, key: LinkKey) -> AbstractContextManager[None]:
        """Return what a caller is to wait within; likewise."""
        return watched() if self._watcher is None else watched(partial(self._watcher.waiting, key))


def log(event: Event) -> None:
    """Log an event as a sentence, at the level of what an operator should do."""
    level = _LEVELS[severity(event).upper()]
    if logger.isEnabledFor(level):
        logger.log(level, "%s", report(event))


def tell(observer: Observer, event: Event) -> None:
    """Tell one observer; what it raises is logged and goes no further."""
    try:
        observer.notify(event)
    except OBSERVERS_OWN:
        logger.exception("the observer failed")
