"""Telling the log and the application's observer what happens."""

from __future__ import annotations

import logging
from typing import final

from extauth.domain.events import (
    AccountLookupFailed,
    Event,
    ExchangeUnresolved,
    LinkProbablyDead,
    LinkReauthorizationRequired,
    ProviderRejectedClient,
    RefreshFailed,
    RefreshTokenMissing,
    SaveAbandoned,
    SaveDelayed,
)
from extauth.domain.ports import Observer

logger = logging.getLogger("extauth")

_LEVELS: dict[type[Event], int] = {
    AccountLookupFailed: logging.WARNING,
    RefreshFailed: logging.WARNING,
    LinkProbablyDead: logging.WARNING,
    LinkReauthorizationRequired: logging.WARNING,
    ExchangeUnresolved: logging.WARNING,
    RefreshTokenMissing: logging.WARNING,
    ProviderRejectedClient: logging.ERROR,
    SaveDelayed: logging.ERROR,
    SaveAbandoned: logging.CRITICAL,
}


@final
class EventEmitter:
    """Logs each event on the ``extauth`` logger, by what an operator should do, and passes it on."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def emit(self, event: Event) -> None:
        """Never raises: an observer's bug must not come between an exchange and its save."""
        logger.log(_LEVELS.get(type(event), logging.DEBUG), "%r", event)
        if self._observer is not None:
            try:
                self._observer.notify(event)
            except Exception:
                logger.exception("the observer failed")
