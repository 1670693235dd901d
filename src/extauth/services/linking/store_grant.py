"""Getting the tokens of a new authorization into the store, while a store that is down may come back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, final

from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.linking_ports import LinkingStore
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock
from extauth.domain.resources import same_tokens
from extauth.domain.token_set import TokenSet
from extauth.services.events import logger

_T = TypeVar("_T")

_RETRY = RefreshPolicy().retry

_GRACE = timedelta(seconds=10)
"""How long a store that is down is asked again: the tokens exist nowhere else, and a user is waiting."""


@final
class GrantWriter:
    """Puts links. Whoever calls it must not be cancelled before it has ended."""

    def __init__(self, store: LinkingStore, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng

    async def put(
        self, key: LinkKey, tokens: TokenSet, origin: GrantOrigin | None, *, before: Link | None
    ) -> Link | None:
        """Store a user's own authorization; None if the link was removed while the store was failing.

        ``before`` is the link as it was last read. A put that failed may have been carried out, and others
        may have refreshed or removed what it wrote: to repeat it blindly would bring back a refresh token
        that is used up, or a link that the user has removed. So it is repeated only after a look that shows
        that it was not carried out: the link is as before, or has moved by one version that is not ours.

        What remains: a store that carries a put out *after* it has failed and after that look can still
        write over what has been done since. And where ``before`` was None, a link that was stored and that
        another replica has removed since looks like one that was never stored: it is put again, although
        the removal has revoked its tokens.

        :raises ConfigurationError: if the store can encrypt nothing and this does not pass.
        :raises StoreUnavailable: if the store stays down, and it may have stored them nevertheless; or if
            the link was written meanwhile and there is no telling whether over these tokens.
        """
        give_up_at = self._clock.monotonic() + _GRACE.total_seconds()
        outcome = await self._tried("put", lambda: self._store.put(key, tokens, origin=origin))
        attempt = 0
        while isinstance(outcome, Exception):
            attempt += 1
            pause = _RETRY.delay(attempt, jitter=self._rng.random()).total_seconds()
            if self._clock.monotonic() + pause > give_up_at:
                if isinstance(outcome, ConfigurationError):
                    raise outcome
                msg = f"the tokens of a new authorization at {key.provider_id} could not be stored"
                # Another error's text might quote a token.
                raise StoreUnavailable(msg) from (outcome if isinstance(outcome, StoreUnavailable) else None)
            await self._clock.sleep(pause)
            found = await self._tried("get", lambda: self._store.get(key))
            if isinstance(found, Exception):
                outcome = found
                continue
            if found is not None and _is_ours(found, tokens, before):
                return found
            if found is None and before is not None:
                return None
            if not _unwritten(before, found):
                msg = f"the link to {key.provider_id} was written by others while the store was failing"
                raise StoreUnavailable(msg)
            outcome = await self._tried("put", lambda: self._store.put(key, tokens, origin=origin))
        return outcome

    async def seen(self, key: LinkKey, otherwise: Link | None) -> Link | None:
        """Return the link as it is now, or ``otherwise`` if there is no telling now."""
        found = await self._tried("get", lambda: self._store.get(key))
        return otherwise if isinstance(found, Exception) else found

    async def _tried(self, what: str, call: Callable[[], Awaitable[_T]]) -> _T | Exception:
        """Return what the call returns, or the error that it raises."""
        try:
            return await call()
        except StoreUnavailable as unavailable:
            return unavailable
        except asyncio.CancelledError:
            if cancelled_by_caller():
                raise
            return StoreUnavailable(f"the store's {what} was interrupted")
        except Exception as broken:  # noqa: BLE001 - a store that breaks its contract must not lose a link
            logger.error("%s.%s raised %s", type(self._store).__name__, what, type(broken).__name__)
            return broken


def _is_ours(found: Link, tokens: TokenSet, before: Link | None) -> bool:
    # Some providers give the same access token again: only a link that was written since can be ours.
    return same_tokens(found.tokens, tokens) and (before is None or found.version != before.version)


def _unwritten(before: Link | None, now: Link | None) -> bool:
    """Whether a link that does not hold our tokens has certainly never held them since ``before``."""
    if before is None or now is None:
        return before is now
    # Each write moves the version by one: a single one was somebody else's.
    return now.version <= before.version + 1
