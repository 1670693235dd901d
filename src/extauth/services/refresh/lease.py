"""The lease on one version of a link: without it nobody presents its refresh token."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Claimed, ClaimOutcome
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore
from extauth.services.events import logger

_T = TypeVar("_T")


@final
@attrs.define
class Lease:
    """A lease as its holder sees it: measured on the monotonic clock from before it was asked for."""

    key: LinkKey
    version: int
    owner: str
    ends: float = 0.0
    """Set by each claim that succeeds."""


@final
class Leases:
    """Takes, renews and ends leases in the store."""

    def __init__(self, store: RefreshStore, clock: Clock, policy: RefreshPolicy, rng: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._rng = rng

    def on(self, link: Link) -> Lease:
        """Return a lease on the link's version to claim, in the name of an owner like no other."""
        return Lease(link.key, link.version, f"{self._rng.getrandbits(128):032x}")

    async def claim(self, lease: Lease) -> ClaimOutcome:
        """Claim, twice if need be: a claim that failed may have taken the lease, and a repeat by the same
        owner says so instead of leaving it to lapse.

        :raises StoreUnavailable: if the store is down.
        """
        try:
            return await self._claim_once(lease)
        except StoreUnavailable:
            await self._clock.sleep(self._policy.retry.delay(1).total_seconds())
            return await self._claim_once(lease)

    async def renew(self, lease: Lease) -> bool:
        """Make sure that an exchange and its save fit into the lease, held without a gap since it was taken.

        In a gap another replica may have presented the refresh token.
        """
        needed = (self._policy.exchange_timeout + self._policy.save_margin).total_seconds()
        held_until = lease.ends
        if held_until - self._clock.monotonic() < needed:
            with suppress(StoreUnavailable):
                await self._claim_once(lease)
        now = self._clock.monotonic()
        return now < held_until and lease.ends - now >= needed

    async def release(self, lease: Lease, *, unresolved: bool = False) -> None:
        """End the lease; ``unresolved`` leaves word that nobody knows how its exchange ended."""
        released = self._store.release(lease.key, lease.version, lease.owner, unresolved=unresolved)
        await best_effort(released)

    async def _claim_once(self, lease: Lease) -> ClaimOutcome:
        asked = self._clock.monotonic()
        claim = await self._store.claim(lease.key, lease.version, lease.owner, self._policy.lease_ttl)
        if isinstance(claim, Claimed):
            lease.ends = asked + self._policy.lease_ttl.total_seconds()
        return claim


async def best_effort(call: Awaitable[_T]) -> _T | None:
    """A note to others that cannot be left must not change what this replica knows."""
    try:
        return await call
    except StoreUnavailable as error:
        logger.warning("the store failed after an exchange: %s", error)
        return None
