"""Several observers as one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import final

from extauth.domain.events import Event
from extauth.domain.link import LinkKey
from extauth.domain.ports import Observer
from extauth.services.arguments import checked_observer
from extauth.services.events import tell
from extauth.services.watching import watched, watcher_of


@final
class Observers:
    """Tells each of several observers, in this order; the failure of one is logged and hurts no other."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = tuple(each for each in map(checked_observer, observers) if each is not None)
        watchers = [watcher for each in observers if (watcher := watcher_of(each)) is not None]
        self._refreshing = [watcher.refreshing for watcher in watchers]
        self._waiting = [watcher.waiting for watcher in watchers]
        self.logs = any(getattr(each, "logs", False) for each in observers)
        """Whether one of them logs events, so that nobody else does: see :class:`~extauth.Observer`."""

    def notify(self, event: Event) -> None:
        """Tell them all. Raises nothing."""
        for observer in self._observers:
            tell(observer, event)

    def refreshing(self, key: LinkKey) -> AbstractContextManager[None]:
        """Let those watch that can: see :class:`~extauth.RefreshWatcher`."""
        return watched(*(partial(begin, key) for begin in self._refreshing))

    def waiting(self, key: LinkKey) -> AbstractContextManager[None]:
        """Let those watch that can: see :class:`~extauth.RefreshWatcher`."""
        return watched(*(partial(begin, key) for begin in self._waiting))
