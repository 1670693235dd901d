"""Presenting a refresh token to its provider, as often as is safe within one lease."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.events import ExchangeStarted, ExchangeUnresolved
from extauth.domain.link import Link
from extauth.domain.outcomes import (
    ExchangeOutcome,
    NotSent,
    Unknown,
)
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.ports import Clock
from extauth.domain.resources import something_to_lose
from extauth.services.events import EventEmitter
from extauth.services.provider_call import guarded
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.turns import Turns
from extauth.services.registered_clients import client_name

RenewLease: TypeAlias = Callable[[], Awaitable[bool]]
"""Makes sure that one more exchange fits into the lease; False if the lease cannot be had any more."""


@final
@attrs.frozen
class Presented:
    """How presenting a refresh token ended."""

    outcome: ExchangeOutcome
    uncertain: bool
    """Whether an earlier presentation of the same token, here or by another replica, may have used it up."""
    unknown: tuple[str, ...] = ()
    """The codes of those without a known end, as far as they were made here."""


@final
class RefreshExchange:
    """Tells the outcomes of single exchanges apart, and repeats those that may be repeated.

    *Not sent*: the token is unused, so it is sent again, with back-off. *Answered*: final. *Unknown*: it may
    be used up, so it is presented again only if the provider is known to tolerate a replay, or once when
    there is nothing left to lose because no access token of the grant works any more.
    """

    def __init__(
        self, clock: Clock, policy: RefreshPolicy, emitter: EventEmitter, turns: Turns, rng: random.Random
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._emitter = emitter
        self._turns = turns
        self._rng = rng

    async def send(
        self,
        request: TokenRequest,
        link: Link,
        *,
        unresolved_for: timedelta | None,
        others_at_stake: bool,
        renew_lease: RenewLease,
        hurry: Callable[[], bool],
    ) -> Presented:
        """Present the link's refresh token; ``hurry`` says that it is no time for repeating, and
        ``others_at_stake`` that a replay could end other links.
        """
        uncertain_since = None
        if unresolved_for is not None:
            uncertain_since = self._clock.monotonic() - unresolved_for.total_seconds()
        attempt = 0
        unknown: tuple[str, ...] = ()
        while True:
            attempt += 1
            replay = uncertain_since is not None
            self._emitter.emit(ExchangeStarted(link.key, link.version, replay))
            began = self._clock.monotonic()
            outcome = await self._once(request, link)
            if isinstance(outcome, Unknown):
                self._emitter.emit(ExchangeUnresolved(link.key, link.version, outcome.code))
                uncertain_since = began if uncertain_since is None else uncertain_since
                unknown += (outcome.code,)
            if not isinstance(outcome, NotSent | Unknown):
                return Presented(outcome, uncertain_since is not None, unknown)
            age = timedelta(seconds=self._clock.monotonic() - (uncertain_since or began))
            works = others_at_stake or something_to_lose(link, self._clock.now(), rejected=request.rejected)
            if (
                attempt >= self._policy.sends
                or hurry()
                or not _may_repeat(outcome, request.provider.traits, age, works=works, replay=replay)
            ):
                return Presented(outcome, uncertain_since is not None, unknown)
            pause = self._policy.retry.delay(attempt, jitter=self._rng.random())
            await self._clock.sleep(pause.total_seconds())
            if not await renew_lease() or hurry():
                return Presented(outcome, uncertain_since is not None, unknown)

    async def _once(self, request: TokenRequest, link: Link) -> ExchangeOutcome:
        provider = request.provider
        name = client_name(provider)
        self._turns.sent(name, link.key)
        outcome = await guarded(
            lambda: request.exchange(link.tokens),
            self._policy.exchange_timeout,
            who=f"{type(provider).__name__}.refresh",
        )
        self._turns.answered(name, link.key, outcome)
        return outcome


def _may_repeat(
    outcome: NotSent | Unknown, traits: ProviderTraits, age: timedelta, *, works: bool, replay: bool
) -> bool:
    match outcome:
        case NotSent():
            return True
        case Unknown(retry_after=None):
            # With nothing left to lose, a replay is worth one try; a second would learn nothing new.
            return traits.tolerates_replay(age) or not (works or replay)
        case _:
            return False
