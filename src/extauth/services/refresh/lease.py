"""The lease on one version of a link: without it nobody presents its refresh token."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Link, LinkKey
from extauth.domain.optional_keywords import takes
from extauth.domain.outcomes import Absent, Claimed, ClaimOutcome, Held, SeenLease, Stale
from extauth.domain.policy import STRICTEST, ProviderTraits, RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore, Takeover
from extauth.domain.store_clock import AT_ONCE, lease_owner
from extauth.services.events import logger
from extauth.services.refresh.store_watch import StoreWatch
from extauth.services.refresh.takeover import PART_OF_MARGIN, Takeovers

_T = TypeVar("_T")


@final
@attrs.define
class Lease:
    """A lease as its holder sees it: measured on the monotonic clock from before it was asked for."""

    key: LinkKey
    version: int
    owner: str
    ttl: timedelta
    ends: float = 0.0
    """Set by each claim that succeeds, as are those below."""
    asked: float = 0.0
    asked_at: datetime | None = None
    """The same moment on the wall clock."""
    unresolved: bool = False
    """Whether there is an exchange by somebody else whose end nobody recorded."""
    after_lapsed: bool = False
    """Whether an earlier holder did not give its lease back, and nobody has waited since for what it may yet
    save."""


@final
@attrs.frozen
class Occupied:
    """Another owner's lease is in the way."""

    wait: timedelta
    """For how long at most."""
    lapsed: bool = False
    """Whether the store says that it has lapsed, and is not believed."""


LeaseOutcome: TypeAlias = Claimed | Occupied | Stale | Absent


@final
class Leases:
    """Takes, renews and ends leases in the store."""

    def __init__(
        self,
        store: RefreshStore,
        clock: Clock,
        policy: RefreshPolicy,
        rng: random.Random,
        *,
        watch: StoreWatch | None = None,
    ) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock
        self._policy = policy
        self._rng = rng
        self._takeovers = Takeovers(store, clock, policy) if takes(store.claim, "takeover") else None

    async def look(self) -> None:
        """See the store's clock before anything depends on it."""
        if self._takeovers is not None:
            await self._takeovers.look()

    def on(self, link: Link, traits: ProviderTraits = STRICTEST) -> Lease:
        """Return a lease on the link's version to claim, in the name of an owner like no other."""
        ttl = self._policy.lease_at(traits)
        owner = lease_owner(self._rng.getrandbits(128), ttl)
        # A store that decides alone does not say whether a lease has lapsed.
        return Lease(link.key, link.version, owner, ttl, after_lapsed=self._takeovers is None)

    async def claim(self, lease: Lease) -> LeaseOutcome:
        """Claim, twice if need be: a claim that failed may have taken the lease, and a repeat by the same
        owner says so instead of leaving it to lapse.

        :raises StoreUnavailable: if the store is down.
        """
        try:
            return await self._claim_once(lease)
        except StoreUnavailable:
            await self._clock.sleep(self._policy.retry.delay(1).total_seconds())
            return await self._claim_once(lease)

    async def renew(self, lease: Lease, *, again: bool = False) -> bool:
        """Make sure that an exchange and its save fit into the lease, held without a gap since it was taken.

        In a gap another replica may have presented the refresh token. The store is asked if too little is
        left, if this machine has slept, and always before the token is presented ``again``: a clock that
        stands still while the machine does says nothing of a gap.
        """
        needed = (self._policy.exchange_timeout + self._policy.save_margin).total_seconds()
        held_until = lease.ends
        too_late = held_until - self._clock.monotonic() < needed
        if not (again or too_late or self._slept(lease)):
            return True
        if not await self._confirmed(lease):
            return False
        now = self._clock.monotonic()
        return now < held_until and lease.ends - now >= needed and not self._slept(lease)

    async def release(self, lease: Lease, *, unresolved: bool = False) -> None:
        """End the lease; ``unresolved`` leaves word that nobody knows how its exchange ended.

        A lease that is given back says that its holder has nothing to save, and so does everyone's before it.
        Where that is not known this one is let lapse instead, at once: whoever is next finds it so.
        """
        if lease.after_lapsed and self._takeovers is not None:
            await best_effort(self._ask(lease, AT_ONCE, takeover=False))
            return
        released = self._store.release(lease.key, lease.version, lease.owner, unresolved=unresolved)
        await best_effort(released)

    async def _confirmed(self, lease: Lease) -> bool:
        """Whether the store says that nobody else has had the lease since, or left nothing behind."""
        unresolved = lease.unresolved
        with suppress(StoreUnavailable):
            return isinstance(await self._claim_once(lease), Claimed) and lease.unresolved == unresolved
        return False

    def _slept(self, lease: Lease) -> bool:
        """Whether more time has passed since the last claim than the monotonic clock accounts for."""
        if lease.asked_at is None:
            return False
        passed = self._clock.now() - lease.asked_at
        counted = timedelta(seconds=self._clock.monotonic() - lease.asked)
        return passed - counted > self._policy.save_margin / PART_OF_MARGIN

    async def _claim_once(self, lease: Lease) -> LeaseOutcome:
        """Claim, and again where another owner's lease is found to be over."""
        takeovers = self._takeovers
        if takeovers is None:  # the store decides alone
            claim = await self._ask(lease, lease.ttl)
            return Occupied(claim.remaining) if isinstance(claim, Held) else claim
        claim = await self._ask(lease, lease.ttl, takeover=False)
        tried = None
        while isinstance(claim, Held):
            if claim.lease is None or claim.lease == tried:
                return Occupied(max(claim.remaining, self._policy.retry.maximum), lapsed=True)
            wait = takeovers.wait_for(lease.key, claim.lease, claim.remaining)
            if wait > timedelta(0):
                return Occupied(wait, lapsed=claim.remaining <= timedelta(0))
            tried = claim.lease
            lease.after_lapsed = True
            claim = await self._ask(lease, lease.ttl, takeover=tried)
        takeovers.forget(lease.key)
        if isinstance(claim, Claimed) and claim.unresolved_for is not None:
            return attrs.evolve(claim, unresolved_for=takeovers.age(claim.unresolved_for))
        return claim

    async def _ask(self, lease: Lease, ttl: timedelta, **takeover: Takeover) -> ClaimOutcome:
        asked, asked_at = self._clock.monotonic(), self._clock.now()
        claim = await self._store.claim(lease.key, lease.version, lease.owner, ttl, **takeover)
        if isinstance(claim, Claimed):
            lease.ends = asked + ttl.total_seconds()
            lease.asked, lease.asked_at = asked, asked_at
            lease.unresolved = claim.unresolved_for is not None
            if self._watch is not None and claim.history is not None:
                self._watch.told(claim.history)
        if self._takeovers is not None and (at := _store_time(claim)) is not None:
            self._takeovers.seen(at, asked)
        return claim


def _store_time(claim: ClaimOutcome) -> datetime | None:
    match claim:
        case Claimed(at=at):
            return at
        case Held(remaining, SeenLease(expires_at=expires_at)):
            return expires_at - remaining
        case _:
            return None


async def best_effort(call: Awaitable[_T]) -> _T | None:
    """A note to others that cannot be left must not change what this replica knows."""
    try:
        return await call
    except StoreUnavailable as error:
        logger.warning("the store failed after an exchange: %s", error)
        return None
