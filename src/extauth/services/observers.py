"""Several observers as one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import final

from extauth.domain.events import Event
from extauth.domain.link import LinkKey
from extauth.domain.ports import Observer
from extauth.services.events import tell
from extauth.services.watching import watched


@final
class Observers:
    """Tells each of several observers, in this order; the failure of one is logged and hurts no other."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self._watch_refreshes = [each.refreshing for each in observers if hasattr(each, "refreshing")]
        self._watch_waits = [each.waiting for each in observers if hasattr(each, "waiting")]
        self.logs = any(getattr(each, "logs", False) for each in observers)
        """Whether one of them logs events, so that nobody else does: see :class:`~extauth.Observer`."""

    def notify(self, event: Event) -> None:
        """Tell them all. Raises nothing."""
        for observer in self._observers:
            tell(observer, event)

    def refreshing(self, key: LinkKey) -> AbstractContextManager[object]:
        """Let those watch that can: see :class:`~extauth.RefreshWatcher`."""
        return watched(*(partial(begin, key) for begin in self._watch_refreshes))

    def waiting(self, key: LinkKey) -> AbstractContextManager[object]:
        """Let those watch that can: see :class:`~extauth.RefreshWatcher`."""
        return watched(*(partial(begin, key) for begin in self._watch_waits))
