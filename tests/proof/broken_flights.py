"""Broken single flights, and broken waiting for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from extauth.domain.errors import RefreshInProgress
from extauth.domain.outcomes import Claimed
from extauth.services.refresh.attempt import LeasedRefresh
from extauth.services.refresh.flight import Landed, RefreshFlight
from extauth.services.refresh.lease import Lease
from extauth.services.refresh.service import TokenService
from extauth.services.single_flight import SingleFlight
from tests.proof.breaking import replacing


async def _await_the_task(self, key, fn):
    flight = self._flight(key, fn)
    if not flight.landed:
        await flight.task
    return flight.outcome()


unshielded_waiter = replacing(SingleFlight, "do", _await_the_task)
"""Every waiter awaits the flight's task itself, so that cancelling one cancels the flight."""


async def _fly_in_the_first_caller(self, key, fn):
    landing = self._flights.get(key)
    if landing is not None:
        return await asyncio.shield(landing)
    landing = self._flights[key] = asyncio.get_running_loop().create_future()
    try:
        value = await fn()
    except BaseException as error:
        landing.set_exception(error)
        landing.exception()
        raise
    else:
        landing.set_result(value)
        return value
    finally:
        del self._flights[key]


first_caller_flies = replacing(SingleFlight, "do", _fly_in_the_first_caller)
"""The flight runs in the first caller's task."""


def _keyed(key_of):
    async def fly(self, wanted, link, content):
        renew = partial(self._refresh_flight.run, wanted, link)
        return await self._flights.do(key_of(wanted, link), renew)

    return replacing(TokenService, "_fly", fly)


keyed_by_provider = _keyed(lambda wanted, link: link.key.provider_id)
keyed_by_access_token = _keyed(lambda wanted, link: link.tokens.access_token)
keyed_by_refresh_token = _keyed(lambda wanted, link: link.tokens.refresh_token)

_renew = RefreshFlight.run


async def _renew_at_any_price(self, wanted, link):
    try:
        return await _renew(self, wanted, link)
    except RefreshInProgress:
        lease = Lease(link.key, link.version, "nobody", timedelta.max, float("inf"))
        step = await self._leased_refresh._exchange(wanted, lease, Claimed(link, None), others_at_stake=False)
        return Landed(step.link, wanted.resource, exchanged=True)


impatient_waiter = replacing(RefreshFlight, "run", _renew_at_any_price)
"""Who has waited long enough for another replica exchanges without the lease."""

_attempt = LeasedRefresh.run


async def _attempt_without_reading_again(self, wanted, link):
    lease = self._leases.on(link)
    claim = await self._leases.claim(lease)
    if isinstance(claim, Claimed):
        return await self._exchange(wanted, lease, claim, others_at_stake=False)
    lease.ends = float("inf")
    return await self._exchange(wanted, lease, Claimed(link, None), others_at_stake=False)


late_caller = replacing(LeasedRefresh, "run", _attempt_without_reading_again)
"""Who finds the lease held, or the link moved on, presents the refresh token that it has read before."""


async def _attempt_whatever_is_new(self, wanted, link):
    step = await _attempt(self, wanted, link)
    newer = getattr(step, "link", link)
    return step if newer.version == link.version else await _attempt(self, wanted, newer)


back_to_back = replacing(LeasedRefresh, "run", _attempt_whatever_is_new)
"""Who finds that the link has moved on refreshes that again without a look at it."""
