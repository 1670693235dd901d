"""Several observers as one."""

from __future__ import annotations

from typing import final

from extauth.domain.events import Event
from extauth.domain.ports import Observer
from extauth.services.events import tell


@final
class Observers:
    """Tells each of several observers, in this order; the failure of one is logged and hurts no other."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self.logs = any(getattr(each, "logs", False) for each in observers)
        """Whether one of them logs events, so that nobody else does: see :class:`~extauth.Observer`."""

    def notify(self, event: Event) -> None:
        """Tell them all. Raises nothing."""
        for observer in self._observers:
            tell(observer, event)
