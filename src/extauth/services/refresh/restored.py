"""Saying that a database has a history which nobody remembers, and holding back what may be spent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, final

from extauth.domain.doubt import spared_of
from extauth.domain.events import StoreRestored
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import OAuthProvider
from extauth.domain.store_history import HistorySeen, StoreHistory
from extauth.services.events import EventEmitter


@final
class RestoredStore:
    """Accepts a history in nobody's name."""

    def __init__(
        self, policy: RefreshPolicy, emitter: EventEmitter, providers: Iterable[OAuthProvider]
    ) -> None:
        self._holds: Final = policy.hold_doubtful
        self._emitter = emitter
        self._providers: Final = tuple(providers)

    async def accept(self, history: StoreHistory, seen: HistorySeen) -> None:
        """Mark what is doubtful, if the policy says so, and only then accept; can be repeated.

        :raises StoreUnavailable: if the store is down. What was marked stays so.
        """
        spared = spared_of(self._providers)
        held = await hold_all(history, seen.at, spared) if self._holds and seen.at is not None else 0
        doubtful = await history.restored(seen, spared=spared)
        if doubtful:
            self._emitter.emit(StoreRestored(doubtful=doubtful, held=held))


async def hold_all(history: StoreHistory, before: datetime, spared: Collection[str]) -> int:
    """Mark all links that are from before that moment, and return how many.

    :raises StoreUnavailable: if the store is down; what was marked stays so.
    """
    some = await history.hold(before, spared=spared)
    held = some.held
    while some.next is not None:
        some = await history.hold(before, spared=spared, after=some.next)
        held += some.held
    return held
