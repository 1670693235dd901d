"""How many rows each key seals, counted for all who ask at the same time, and kept for a minute."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from extauth.domain.acting import authorization_of
from extauth.domain.actors import Action, Target
from extauth.domain.key_use import KeysStatus
from extauth.domain.ports import Clock
from extauth.services.keys.status import keys_status

KEPT_FOR: Final = timedelta(minutes=1)


@final
@attrs.frozen
class CountedKeys:
    """What was counted, and when it was done."""

    at: datetime
    status: KeysStatus


@final
class KeyCounts:
    """Counts all rows at most once in a minute: no index serves it, so that it may take seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counting = asyncio.Lock()
        self._store: object = None
        self._counted: CountedKeys | None = None

    async def of(self, store: object) -> CountedKeys:
        """Return the count, a minute old at most.

        :raises NotAuthorized: if who asks may not have it counted, kept or not.
        :raises ConfigurationError: as for :func:`~extauth.keys.keys_status`, and so on.
        """
        authorization_of(store)(Action.RESEAL, Target())
        async with self._counting:
            known, now = self._counted, self._clock.now()
            if known is not None and self._store is store and now - known.at < KEPT_FOR:
                return known
            counted = CountedKeys(self._clock.now(), await keys_status(store))
            self._store, self._counted = store, counted
            return counted
