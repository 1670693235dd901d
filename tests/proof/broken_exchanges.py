"""Broken rules of who may present a refresh token, and when."""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.outcomes import Absent, Claimed, NotSent, Unknown
from extauth.domain.store_clock import StoreClock
from extauth.services.refresh import attempt, exchange, takeover
from extauth.services.refresh.exchange import RefreshExchange
from extauth.services.refresh.lease import Leases, best_effort
from extauth.services.refresh.service import TokenService
from tests.proof.breaking import replacing

repeats_while_the_token_works = replacing(
    exchange,
    "_may_repeat",
    lambda outcome, traits, age, *, works, replay: isinstance(outcome, NotSent | Unknown) and not replay,
)
"""An unknown outcome is tried again although there is something to lose."""

repeats_again_and_again = replacing(
    exchange,
    "_may_repeat",
    lambda outcome, traits, age, *, works, replay: (
        isinstance(outcome, NotSent) or (isinstance(outcome, Unknown) and not works)
    ),
)
"""An unknown outcome is tried again more than once."""

_claim_once = Leases._claim_once


async def _claim_without_past(self, lease):
    claim = await _claim_once(self, lease)
    return attrs.evolve(claim, unresolved_for=None) if isinstance(claim, Claimed) else claim


unresolved_ignored = replacing(Leases, "_claim_once", _claim_without_past)
"""Whether an earlier exchange was left unresolved makes no difference."""

no_second_look = replacing(attempt, "_may_be_spent", lambda claim, traits: False)
"""A replay does not wait for whoever may be about to save."""


async def _give_back(self, lease, *, unresolved=False):
    await best_effort(self._store.release(lease.key, lease.version, lease.owner, unresolved=unresolved))


gives_back_what_it_took_over = replacing(Leases, "release", _give_back)
"""Nobody after it knows that the lease before had lapsed."""


async def _renew_with_a_gap(self, lease, *, again=False):
    needed = (self._policy.exchange_timeout + self._policy.save_margin).total_seconds()
    if lease.ends - self._clock.monotonic() < needed:
        try:
            await self._claim_once(lease)
        except StoreUnavailable:
            return False
    return lease.ends - self._clock.monotonic() >= needed


renews_with_a_gap = replacing(Leases, "renew", _renew_with_a_gap)
"""A lease that had lapsed, and that another replica may have held meanwhile, counts as renewed."""


async def _never_renew(self, lease, *, again=False):
    return True


exchanges_outside_the_lease = replacing(Leases, "renew", _never_renew)
"""Nobody asks whether the exchange fits into the lease."""


async def _claim_nothing(self, lease):
    lease.ends = self._clock.monotonic() + self._policy.lease_ttl.total_seconds()
    link = await self._store.get(lease.key)
    return Absent() if link is None else Claimed(link, None)


claims_nothing = replacing(Leases, "_claim_once", _claim_nothing)
"""The link is read and no lease is taken."""


async def _claim_fails_open(self, lease):
    try:
        return await _claim_once(self, lease)
    except StoreUnavailable:
        return await _claim_nothing(self, lease)


claims_when_the_store_fails = replacing(Leases, "_claim_once", _claim_fails_open)
"""A claim that failed is taken for one that succeeded."""


async def _claim_as_everybody(self, lease):
    lease.owner = b"everybody".hex()
    return await _claim_once(self, lease)


one_owner_for_all = replacing(Leases, "_claim_once", _claim_as_everybody)
"""All replicas take leases in the same name."""


async def _once_for_ever(self, wanted, link):
    return await wanted.exchange(link.tokens)


no_time_limit = replacing(RefreshExchange, "_once", _once_for_ever)
"""An exchange may defer_cancellation its lease."""

_refresh = TokenService.refresh


async def _refresh_regardless(self, provider_id, user_id, *, rejected=None, resource=None):
    return await _refresh(self, provider_id, user_id, resource=resource)


rejected_ignored = replacing(TokenService, "refresh", _refresh_regardless)
"""Every caller with a refused token causes a refresh, whatever is stored by now."""

believes_the_stores_clock = replacing(StoreClock, "believed", lambda self, now, ttl: True)
"""A lease has lapsed when the store says so, although its clock has jumped."""

waits_as_the_store_says = replacing(
    takeover, "wait_for_lease", lambda left, watched, ttl, *, believed: max(left, timedelta(0))
)
"""A lease lasts for as long as the store says, however long it was watched."""
