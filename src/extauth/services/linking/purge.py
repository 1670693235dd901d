"""Removing authorizations that have expired, now and then."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import final

from extauth.domain.errors import StoreUnavailable
from extauth.domain.linking_ports import LinkingStore
from extauth.domain.ports import Clock

_EVERY = timedelta(hours=1)


@final
class Purger:
    """Purges when it is told to, and at most once an hour when it is given the chance."""

    def __init__(self, store: LinkingStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._due_at = clock.monotonic()
        """On the monotonic clock; moved on by each purge."""

    async def purge(self) -> int:
        """Remove what has expired and return how many.

        :raises StoreUnavailable: try again later.
        """
        self._due_at = self._clock.monotonic() + _EVERY.total_seconds()
        return await self._store.purge_authorizations()

    async def purge_if_due(self) -> None:
        """Purge if nobody has for an hour. Raises nothing if the store is down."""
        if self._clock.monotonic() >= self._due_at:
            with suppress(StoreUnavailable):  # the next one will do
                await self.purge()
