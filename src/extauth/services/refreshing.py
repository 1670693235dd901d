"""One refresh of one link: claim, exchange, judge, save. Runs to its end, whoever waits for it."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from typing import TypeAlias, TypeVar, assert_never, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import ProviderRejectedClient, ReauthorizationNeeded, RefreshFailed
from extauth.domain.freshness import CoolDown, Reauthorize, access_token_works, decide, may_present
from extauth.domain.link import Link, LinkKey, RefreshFailure
from extauth.domain.outcomes import (
    Absent,
    Claimed,
    ClaimOutcome,
    ClientRejected,
    Deferred,
    Exchanged,
    GrantRejected,
    Held,
    NotSent,
    Recorded,
    Stale,
    Unknown,
)
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.ports import Clock, LinkStore, OAuthProvider
from extauth.services.exchanging import Exchanging, Presented
from extauth.services.pauses import ProviderPauses, client_rejected
from extauth.services.refusals import link_not_found, provider_unavailable, reauthorization_required
from extauth.services.saving import Saving
from extauth.services.telling import Teller, logger

_T = TypeVar("_T")


@final
@attrs.frozen
class Finished:
    """This link is what there is to hand out."""

    link: Link


@final
@attrs.frozen
class Moved:
    """The link is at another version than the one to refresh; decide again."""

    link: Link


@final
@attrs.frozen
class Busy:
    """Another replica is exchanging; its lease lasts ``remaining`` at most."""

    remaining: timedelta


Attempt: TypeAlias = Finished | Moved | Busy


@final
@attrs.define
class _Lease:
    """A lease as its holder sees it: measured on the monotonic clock from before it was asked for."""

    key: LinkKey
    version: int
    owner: str
    ends: float


@final
class Refreshing:
    """Carries one refresh through. Whoever calls it must not be cancelled before it has ended."""

    def __init__(
        self,
        store: LinkStore,
        *,
        clock: Clock,
        policy: RefreshPolicy,
        teller: Teller,
        saving: Saving,
        pauses: ProviderPauses,
        rng: random.Random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._teller = teller
        self._saving = saving
        self._pauses = pauses
        self._rng = rng
        self._exchanging = Exchanging(clock, policy, teller, rng)
        self._closing = False
        """Set once by :meth:`hurry`."""

    def hurry(self) -> None:
        """Take note that the process is about to end: finish what was begun, repeat nothing."""
        self._closing = True

    async def attempt(self, provider: OAuthProvider, link: Link, *, rejected: bool) -> Attempt:
        """Try to refresh ``link``; ``rejected`` says that an API refuses its access token.

        :raises LinkNotFound: if the user has unlinked.
        :raises ReauthorizationRequired: if the provider rejected the grant, now or before.
        :raises ProviderUnavailable: if it failed for now and the access token does not work either.
        :raises ProviderMisconfigured: if the provider rejected the client.
        :raises StoreUnavailable: if the lease could not be had because the store is down.
        """
        lease = _Lease(link.key, link.version, f"{self._rng.getrandbits(128):032x}", 0.0)
        claim = await self._claim(lease)
        looked_again = False
        while isinstance(claim, Claimed):
            served = await self._left_alone(provider, lease, claim, rejected=rejected)
            if served is not None:
                return served
            if looked_again or not _may_be_spent(claim, provider.traits):
                return await self._exchange(provider, lease, claim, rejected=rejected)
            # Whoever presented it before may have been cut off from the store, and be about to save.
            await self._clock.sleep(self._policy.save_margin.total_seconds())
            claim = await self._claim(lease)
            looked_again = True
        match claim:
            case Absent():
                raise link_not_found(link.key)
            case Stale(newer):
                return Moved(newer)
            case Held(remaining):
                return Busy(remaining)
            case _:
                assert_never(claim)

    async def _left_alone(
        self, provider: OAuthProvider, lease: _Lease, claim: Claimed, *, rejected: bool
    ) -> Finished | None:
        """End the attempt where the refresh token must not be presented now; None if it may be."""
        link = claim.link
        now = self._clock.now()
        works = access_token_works(link, now, rejected=rejected)
        # A mark may have been made between reading the link and claiming it.
        match decide(attrs.evolve(link, pending=None), now, self._policy, provider.traits, rejected=True):
            case Reauthorize(reason):
                await self._release(lease)
                raise reauthorization_required(link.key, reason)
            case CoolDown(retry_at, reason):
                await self._release(lease)
                return _served(link, retry_at - now, reason, works=works)
            case _:
                pass
        if not may_present(provider.traits, unresolved_for=claim.unresolved_for, access_token_works=works):
            await self._release(lease)
            return Finished(link)
        return None

    async def _exchange(
        self, provider: OAuthProvider, lease: _Lease, claim: Claimed, *, rejected: bool
    ) -> Attempt:
        link = claim.link
        if not await self._renew(lease):
            await self._release(lease)
            msg = "the store is too slow to hold a lease for the time that an exchange may take"
            raise StoreUnavailable(msg, retry_after=self._policy.cooldown.initial)
        began = self._clock.monotonic()
        presented = await self._exchanging.present(
            provider,
            link,
            unresolved_for=claim.unresolved_for,
            rejected=rejected,
            renew_lease=lambda: self._renew(lease),
            hurry=lambda: self._closing,
        )
        if isinstance(presented.outcome, Exchanged):
            self._pauses.end(provider.provider_id)
            tokens = presented.outcome.tokens.succeeding(link.tokens)
            return Finished(await self._saving.save(provider, link, tokens, began))
        works = access_token_works(link, self._clock.now(), rejected=rejected)
        return await self._without_tokens(provider, lease, link, presented, works=works)

    async def _without_tokens(
        self, provider: OAuthProvider, lease: _Lease, link: Link, presented: Presented, *, works: bool
    ) -> Attempt:
        uncertain = presented.uncertain
        outcome = presented.outcome
        match outcome:
            case GrantRejected(code):
                return await self._rejected(lease, link, "reply_lost" if uncertain else code)
            case ClientRejected(code):
                self._pauses.misconfigured(provider.provider_id, code)
                self._teller.tell(ProviderRejectedClient(provider.provider_id, code))
                await self._release(lease, unresolved=uncertain)
                raise client_rejected(provider.provider_id, code)
            case Deferred(code, retry_after) | Unknown(code, retry_after):
                if retry_after is not None:
                    self._pauses.throttled(provider.provider_id, retry_after)
            case NotSent(code):
                retry_after = None
            case _:
                raise AssertionError(outcome)
        return await self._failed(lease, link, code, retry_after, uncertain=uncertain, works=works)

    async def _rejected(self, lease: _Lease, link: Link, reason: str) -> Attempt:
        failure = RefreshFailure(reason=reason, at=self._clock.now(), version=link.version)
        recorded = await _best_effort(self._store.record_failure(link.key, link.version, failure))
        match recorded:
            case Stale(newer):
                return Moved(newer)  # someone else's tokens are newer than the ones rejected
            case Absent():
                raise link_not_found(link.key)
            case Recorded() | None:
                self._teller.tell(ReauthorizationNeeded(link.key, link.version, reason))
                await self._release(lease)
                raise reauthorization_required(link.key, reason)
            case _:
                assert_never(recorded)

    async def _failed(
        self,
        lease: _Lease,
        link: Link,
        code: str,
        retry_after: timedelta | None,
        *,
        uncertain: bool,
        works: bool,
    ) -> Attempt:
        before = link.failure
        attempts = 1 if before is None or before.version != link.version else before.attempts + 1
        pause = self._policy.cooldown.delay(attempts, jitter=self._rng.random())
        pause = max(pause, retry_after or timedelta(0))
        now = self._clock.now()
        failure = RefreshFailure(code, now, link.version, retry_at=now + pause, attempts=attempts)
        recorded = await _best_effort(self._store.record_failure(link.key, link.version, failure))
        await self._release(lease, unresolved=uncertain)
        match recorded:
            case Stale(newer):
                return Moved(newer)
            case Absent():
                raise link_not_found(link.key)
            case Recorded() | None:
                self._teller.tell(RefreshFailed(link.key, link.version, code, pause))
                return _served(link, pause, code, works=works)
            case _:
                assert_never(recorded)

    async def _claim(self, lease: _Lease) -> ClaimOutcome:
        """Claim, twice if need be: a claim that failed may have taken the lease, and a repeat by the same
        owner says so instead of leaving it to lapse."""
        try:
            return await self._claim_once(lease)
        except StoreUnavailable:
            await self._clock.sleep(self._policy.retry.delay(1).total_seconds())
            return await self._claim_once(lease)

    async def _claim_once(self, lease: _Lease) -> ClaimOutcome:
        asked = self._clock.monotonic()
        claim = await self._store.claim(lease.key, lease.version, lease.owner, self._policy.lease_ttl)
        if isinstance(claim, Claimed):
            lease.ends = asked + self._policy.lease_ttl.total_seconds()
        return claim

    async def _renew(self, lease: _Lease) -> bool:
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

    async def _release(self, lease: _Lease, *, unresolved: bool = False) -> None:
        released = self._store.release(lease.key, lease.version, lease.owner, unresolved=unresolved)
        await _best_effort(released)


def _may_be_spent(claim: Claimed, traits: ProviderTraits) -> bool:
    unresolved_for = claim.unresolved_for
    return unresolved_for is not None and not traits.tolerates_replay(unresolved_for)


def _served(link: Link, retry_after: timedelta, reason: str, *, works: bool) -> Finished:
    if works:
        return Finished(link)
    raise provider_unavailable(link.key, reason, retry_after)


async def _best_effort(call: Awaitable[_T]) -> _T | None:
    """A note to others that cannot be left must not change what this replica knows."""
    try:
        return await call
    except StoreUnavailable as error:
        logger.warning("the store failed after an exchange: %s", error)
        return None
