"""Getting the tokens of a new authorization into the store, while a store that is down may come back."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import final

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.linking_ports import LinkingStore
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.domain.token_set import TokenSet
from extauth.services.telling import logger

_RETRY = Backoff(initial=timedelta(milliseconds=50), maximum=timedelta(seconds=1))

_GRACE = timedelta(seconds=10)
"""How long a store that is down is asked again: the tokens exist nowhere else, and a user is waiting."""


@final
class Storing:
    """Puts links. Whoever calls it must not be cancelled before it has ended."""

    def __init__(self, store: LinkingStore, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng

    async def put(self, key: LinkKey, tokens: TokenSet, origin: GrantOrigin | None) -> Link:
        """Store a user's own authorization.

        :raises StoreUnavailable: if the store stays down; it may have stored them nevertheless.
        """
        give_up_at = self._clock.monotonic() + _GRACE.total_seconds()
        attempt = 0
        while True:
            attempt += 1
            error: Exception
            try:
                return await self._store.put(key, tokens, origin=origin)
            except StoreUnavailable as unavailable:
                error = unavailable
            except Exception as broken:  # noqa: BLE001 - a store that breaks its contract must not lose a link
                logger.error("%s.put raised %s", type(self._store).__name__, type(broken).__name__)
                error = broken
            pause = self._pause(attempt)
            if self._clock.monotonic() + pause.total_seconds() > give_up_at:
                msg = f"the tokens of a new authorization at {key.provider_id} could not be stored"
                raise StoreUnavailable(msg) from error
            await self._clock.sleep(pause.total_seconds())
            stored = await self._stored(key, tokens)
            if stored is not None:
                return stored

    async def seen(self, key: LinkKey, otherwise: Link | None) -> Link | None:
        """Return the link as it is now, or ``otherwise`` if there is no telling now."""
        try:
            return await self._store.get(key)
        except StoreUnavailable:
            return otherwise

    async def _stored(self, key: LinkKey, tokens: TokenSet) -> Link | None:
        """Return the link if the put that failed was carried out after all.

        A repeat would then do harm: whoever has unlinked or refreshed it meanwhile would be overwritten.
        """
        link = await self.seen(key, None)
        return link if link is not None and link.tokens.access_token == tokens.access_token else None

    def _pause(self, attempt: int) -> timedelta:
        return _RETRY.delay(attempt, jitter=self._rng.random())
