"""One refresh of one link: claim, exchange, judge, save. Runs to its end, whoever waits for it."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import Final, assert_never, final

from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import (
    LinkProbablyDead,
    LinkReauthorizationRequired,
    ProviderRejectedClient,
    RefreshFailed,
)
from extauth.domain.freshness import CoolDown, Reauthorize, blocked, may_present
from extauth.domain.link import Link, RefreshFailure
from extauth.domain.lost_replies import REPLY_LOST, loss_reason
from extauth.domain.outcomes import (
    Absent,
    Claimed,
    ClientRejected,
    Deferred,
    Exchanged,
    GrantRejected,
    NotSent,
    Recorded,
    Stale,
    Unknown,
)
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.domain.provider_trouble import speaks_of_client
from extauth.domain.registered_clients import CLIENT_FORGOTTEN
from extauth.domain.resources import after_exchange, something_to_lose
from extauth.services.errors import (
    UNRESOLVED,
    client_rejected,
    link_not_found,
    reauthorization_required,
)
from extauth.services.events import EventEmitter
from extauth.services.providers import encrypted
from extauth.services.refresh.cooldowns import ProviderPauses
from extauth.services.refresh.exchange import Presented, RefreshExchange
from extauth.services.refresh.lease import Lease, Leases, Occupied
from extauth.services.refresh.lost_writes import put_back, record_on
from extauth.services.refresh.marks import TemporaryMarks
from extauth.services.refresh.outcomes import Attempt, Busy, Finished, Moved, served
from extauth.services.refresh.refusals import RefusedLinks
from extauth.services.refresh.refused_resources import RefusedResources
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.siblings import Siblings
from extauth.services.refresh.store_watch import StoreWatch
from extauth.services.refresh.turns import Turns
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.services.registered_clients import client_name, note_answer, was_replaced


@final
class LeasedRefresh:
    """Carries one refresh through. Whoever calls it must not be cancelled before it has ended."""

    def __init__(
        self,
        store: RefreshStore,
        *,
        clock: Clock,
        policy: RefreshPolicy,
        emitter: EventEmitter,
        unsaved_tokens: UnsavedTokens,
        pauses: ProviderPauses,
        turns: Turns,
        rng: random.Random,
        watch: StoreWatch,
    ) -> None:
        self._store = store
        self._watch = watch
        self._clock = clock
        self._policy = policy
        self._emitter = emitter
        self._unsaved_tokens = unsaved_tokens
        self._pauses = pauses
        self._marks = TemporaryMarks(clock, policy.cooldown, rng)
        self._refused_links = RefusedLinks(clock)
        self.refused_resources: Final = RefusedResources(clock, policy.cooldown, emitter)
        self._leases = Leases(store, clock, policy, rng, watch=watch)
        self._siblings = Siblings(store, clock)
        self.put_back: Final = partial(put_back, store, self._leases)
        self._refresh_exchange = RefreshExchange(clock, policy, emitter, turns, rng)
        self._closing = False
        """Set once by :meth:`hurry`."""

    def hurry(self) -> None:
        """Take note that the process is about to end: finish what was begun, repeat nothing."""
        self._closing = True

    async def look(self) -> None:
        """See the store's clock before anything depends on it."""
        await self._leases.look()

    async def run(self, request: TokenRequest, link: Link) -> Attempt:
        """Try to get what is wanted with the refresh token of ``link``.

        :raises LinkNotFound: if the user has unlinked.
        :raises ReauthorizationRequired: if the provider rejected the grant, now or before.
        :raises ProviderUnavailable: if it failed for now and the token that there is does not work either.
        :raises ProviderMisconfigured: if the provider rejected the client.
        :raises StoreUnavailable: if the lease could not be had because the store is down.
        """
        lease = self._leases.on(link, request.provider.traits)
        claim = await self._leases.claim(lease)
        while isinstance(claim, Claimed):
            if self._watch.holding:
                return await self._held(lease)
            others_at_stake = await self._siblings.may_end(request.provider, claim.link)
            ended = await self._left_alone(request, lease, claim, others_at_stake=others_at_stake)
            if ended is not None:
                return ended
            if not (lease.after_lapsed and _may_be_spent(claim, request.provider.traits)):
                return await self._exchange(request, lease, claim, others_at_stake=others_at_stake)
            # Whoever presented it before may have been cut off from the store, and be about to save.
            await self._clock.sleep(self._policy.save_margin.total_seconds())
            lease.after_lapsed = False
            claim = await self._leases.claim(lease)
        match claim:
            case Absent():
                raise link_not_found(link.key)
            case Stale(other):
                return Moved(await self.put_back(link, other))
            case Occupied(wait, lapsed):
                return Busy(wait, lapsed)
            case _:
                assert_never(claim)

    async def _held(self, lease: Lease) -> Busy:
        """Give the lease back: the store has gone back, and somebody may know a newer token."""
        await self._leases.release(lease)
        return Busy(timedelta(seconds=self._watch.holds_for()))

    async def _left_alone(
        self, request: TokenRequest, lease: Lease, claim: Claimed, *, others_at_stake: bool
    ) -> Finished | None:
        """End the attempt where the refresh token must not be presented now; None if it may be."""
        link = claim.link
        traits = request.provider.traits
        now = self._clock.now()
        if (sealed := encrypted(link)) is not None:
            # Since it was read here, by a replica that has keys.
            await self._leases.release(lease)
            raise sealed
        # A mark may have been made between reading the link and claiming it.
        match blocked(link, now):
            case Reauthorize(reason):
                await self._leases.release(lease)
                raise reauthorization_required(link.key, reason)
            case CoolDown(retry_at, reason):
                await self._leases.release(lease)
                return served(link, retry_at - now, reason, works=request.works(link, now))
            case None:
                pass
        if claim.unresolved_for is None:
            return None
        at_stake = something_to_lose(link, now, rejected=request.rejected)
        if not may_present(
            traits, unresolved_for=claim.unresolved_for, access_token_works=at_stake or others_at_stake
        ):
            await self._leases.release(lease)
            if others_at_stake and not at_stake:
                # No later try is any better, as long as the others live.
                raise reauthorization_required(link.key, REPLY_LOST)
            return served(link, None, UNRESOLVED, works=request.works(link, now))
        return None

    async def _exchange(
        self, request: TokenRequest, lease: Lease, claim: Claimed, *, others_at_stake: bool
    ) -> Attempt:
        link = claim.link
        name = client_name(request.provider)
        if not await self._leases.renew(lease):
            await self._leases.release(lease)
            msg = "the store is too slow to hold a lease for the time that an exchange may take"
            raise StoreUnavailable(msg, retry_after=self._policy.cooldown.initial)
        if self._watch.holding:
            return await self._held(lease)
        if (pause := self._pauses.error(name, link)) is not None:
            # It began while this link was claimed.
            await self._leases.release(lease)
            # Who asks has looked at the link that it read, which may be older than this one.
            if request.works(link, self._clock.now()):
                return Finished(link)
            raise pause
        began = self._clock.monotonic()
        presented = await self._refresh_exchange.send(
            request,
            link,
            unresolved_for=claim.unresolved_for,
            others_at_stake=others_at_stake,
            renew_lease=lambda: self._leases.renew(lease, again=True),
            hurry=lambda: self._closing or self._watch.holding or self._pauses.paused(name, link),
        )
        note_answer(request.provider, presented.outcome)
        if isinstance(presented.outcome, Exchanged):
            return await self._save(request, link, presented.outcome, began)
        works = request.works(link, self._clock.now())
        suspect = self._refused_links.suspect(request, link, presented.outcome)
        if suspect is None:
            return await self._without_tokens(request, lease, link, presented, works=works)
        mark = self._marks.suspected(link, suspect.tries)
        return await self._failed(lease, link, suspect.code, mark, uncertain=presented.uncertain, works=works)

    async def _save(self, request: TokenRequest, link: Link, exchanged: Exchanged, began: float) -> Attempt:
        provider = request.provider
        self._pauses.succeeded(client_name(provider), began)
        self._refused_links.served(provider.provider_id, began)
        now = self._clock.now()
        tokens = after_exchange(
            link, exchanged.tokens, request.resource, provider.traits, now, no_scopes=exchanged.no_scopes
        )
        saved = await self._unsaved_tokens.save(provider, link, tokens, began)
        if request.token(saved) == exchanged.tokens.access_token or request.works(saved, now):
            return Finished(saved)
        return Moved(saved)  # someone else's newer link, in which this token is missing

    async def _without_tokens(
        self, request: TokenRequest, lease: Lease, link: Link, presented: Presented, *, works: bool
    ) -> Attempt:
        provider = request.provider
        uncertain, outcome = presented.uncertain, presented.outcome
        retry_after: timedelta | None = None
        match outcome:
            case GrantRejected(code):
                reason = loss_reason(presented.unknown, link) if uncertain else code
                return await self._rejected(lease, link, reason)
            case _ if (refused := self.refused_resources.note(request, link, outcome)) is not None:
                # What is said of one resource (RFC 8707 section 2) is no matter of the others'.
                await self._leases.release(lease, unresolved=uncertain)
                raise refused
            case ClientRejected(code) if not speaks_of_client(code):
                if self._pauses.refused(client_name(provider), link, code):
                    self._emitter.emit(ProviderRejectedClient(provider.provider_id, code))
            case ClientRejected(code, suspicion):
                if await was_replaced(provider):
                    self._pauses.rejected(client_name(provider), link, CLIENT_FORGOTTEN)
                    await self._leases.release(lease, unresolved=uncertain)
                    self._emitter.emit(LinkReauthorizationRequired(link.key, link.version, CLIENT_FORGOTTEN))
                    raise reauthorization_required(link.key, CLIENT_FORGOTTEN)
                self._pauses.rejected(client_name(provider), link, code, suspicion)
                self._emitter.emit(ProviderRejectedClient(provider.provider_id, code))
                await self._leases.release(lease, unresolved=uncertain)
                raise client_rejected(provider.provider_id, code, suspicion)
            case Deferred(code, retry_after) | Unknown(code, retry_after):
                self._pauses.put_off(client_name(provider), link, outcome, provider.traits)
            case NotSent(code):
                pass
            case _:
                raise AssertionError(outcome)
        mark = self._marks.failed(link, code, retry_after)
        return await self._failed(lease, link, code, mark, uncertain=uncertain, works=works)

    async def _rejected(self, lease: Lease, link: Link, reason: str) -> Attempt:
        failure = RefreshFailure(reason=reason, at=self._clock.now(), version=link.version)
        recorded = await record_on(self._store, self._leases, lease, link, failure)
        match recorded:
            case Stale(newer):
                return Moved(newer)  # someone else's tokens are newer than the ones rejected
            case Absent():
                raise link_not_found(link.key)
            case Recorded() | None:
                self._emitter.emit(LinkReauthorizationRequired(link.key, link.version, reason))
                await self._leases.release(lease, unresolved=recorded is None)  # else nobody else would know
                raise reauthorization_required(link.key, reason)
            case _:
                assert_never(recorded)

    async def _failed(
        self, lease: Lease, link: Link, code: str, mark: RefreshFailure, *, uncertain: bool, works: bool
    ) -> Attempt:
        recorded = await record_on(self._store, self._leases, lease, link, mark)
        await self._leases.release(lease, unresolved=uncertain)
        match recorded:
            case Stale(newer):
                return Moved(newer)
            case Absent():
                raise link_not_found(link.key)
            case Recorded() | None:
                pause = None if mark.retry_at is None else mark.retry_at - mark.at
                told = LinkProbablyDead if mark.reason == PROBABLY_DEAD else RefreshFailed
                self._emitter.emit(told(link.key, link.version, code, pause))
                marked = link if recorded is None else recorded.link
                return served(marked, pause, mark.reason, works=works)
            case _:
                assert_never(recorded)


def _may_be_spent(claim: Claimed, traits: ProviderTraits) -> bool:
    unresolved_for = claim.unresolved_for
    return unresolved_for is not None and not traits.tolerates_replay(unresolved_for)
