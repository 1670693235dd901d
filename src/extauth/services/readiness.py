"""Answering a readiness probe."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from extauth.domain.acting import acting
from extauth.domain.actors import REFRESHING
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.ports import RefreshStore
from extauth.domain.readiness import Readiness, ping
from extauth.services.arguments import checked_span

PATIENCE = timedelta(seconds=2)
"""How long a store is given; who probes waits a few seconds at most."""


async def readiness(store: RefreshStore, *, closing: bool, within: timedelta = PATIENCE) -> Readiness:
    """Ask the store, unless the application is closing anyway. No provider is asked.

    :raises ValueError: if ``within`` is not positive.
    :raises TypeError: if it is a number.
    """
    if checked_span(within, "within") <= timedelta(0):
        msg = "within must be positive"
        raise ValueError(msg)
    if closing:
        return Readiness("closing")
    try:
        async with asyncio.timeout(within.total_seconds()):
            await ping(acting(store, REFRESHING))  # a probe is nobody's who may do anything
    except (StoreUnavailable, TimeoutError):
        return Readiness("store_unavailable")
    except ConfigurationError:
        return Readiness("store_misconfigured")
    return Readiness()
