"""Broken ways from an exchange to the store."""

from __future__ import annotations

import asyncio

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import SaveAbandoned
from extauth.domain.outcomes import Absent, Exchanged, Stale
from extauth.services.grant_ender import Ended, GrantEnder
from extauth.services.refresh import flight, unsaved
from extauth.services.refresh.service import TokenService
from extauth.services.refresh.unsaved import UnsavedTokens, _Unsaved
from tests.proof.breaking import replacing

_save = UnsavedTokens.save
_settle = UnsavedTokens._settle
_try = UnsavedTokens._try


async def _look_first(self, provider, base, tokens, began):
    await self._store.get(base.key)
    return await _save(self, provider, base, tokens, began)


validates_first = replacing(UnsavedTokens, "save", _look_first)
"""Something that can fail comes between the exchange and the save: a read."""


async def _write_first(self, provider, base, tokens, began):
    await self._store.lift_failure(base.key.provider_id, user_id=base.key.user_id)
    return await _save(self, provider, base, tokens, began)


tidies_first = replacing(UnsavedTokens, "save", _write_first)
"""Something that can fail comes between the exchange and the save: a write."""


async def _save_once(self, provider, base, tokens, began):
    link = attrs.evolve(base, tokens=tokens, version=base.version + 1)
    unsaved = _Unsaved(provider, base, tokens, {}, began)
    outcome = await self._try(unsaved)
    return link if outcome is None else await self._settle(unsaved, outcome)


saves_once = replacing(UnsavedTokens, "save", _save_once)
"""Tokens that the store did not take are dropped."""


async def _retry_once(self, unsaved):
    await self._clock.sleep(self._policy.retry.initial.total_seconds())
    await self._try(unsaved)
    del self._unsaved[unsaved.link().key]


retries_once = replacing(UnsavedTokens, "_persist", _retry_once)
"""Tokens that the store did not take twice are dropped."""


async def _give_up_soon(self, unsaved):
    self._emitter.emit(SaveAbandoned(unsaved.link().key, unsaved.link().version))
    del self._unsaved[unsaved.link().key]


gives_up_soon = replacing(UnsavedTokens, "_persist", _give_up_soon)
"""Tokens that the store did not take are given up, and this is told."""


async def _exchange_again(self, provider, base, tokens, began):
    for _ in range(3):
        try:
            outcome = await self._store.save(base.key, base.version, tokens)
        except StoreUnavailable:
            exchanged = await provider.refresh(base.tokens)
            if isinstance(exchanged, Exchanged):
                tokens = exchanged.tokens.succeeding(base.tokens)
        else:
            return await self._settle(_Unsaved(provider, base, tokens, {}, began), outcome)
    raise StoreUnavailable


exchanges_again = replacing(UnsavedTokens, "save", _exchange_again)
"""A save that failed is followed by another exchange."""


async def _hand_out_first(self, provider, base, tokens, began):
    self.saves = asyncio.get_running_loop().create_task(_save(self, provider, base, tokens, began))
    return attrs.evolve(base, tokens=tokens, version=base.version + 1)


hands_out_first = replacing(UnsavedTokens, "save", _hand_out_first)
"""Callers get the new token while it is being saved."""


async def _serve_own(self, unsaved, outcome):
    return unsaved.link() if isinstance(outcome, Stale) else await _settle(self, unsaved, outcome)


serves_its_own = replacing(UnsavedTokens, "_settle", _serve_own)
"""A save that finds a newer link hands out the tokens that it could not save."""


async def _put_back(self, unsaved, outcome):
    if isinstance(outcome, Absent):
        return await self._store.put(unsaved.link().key, unsaved.tokens)
    return await _settle(self, unsaved, outcome)


puts_back = replacing(UnsavedTokens, "_settle", _put_back)
"""A save that finds no link makes one."""


async def _claim_to_have_revoked(self, provider, key, tokens, *, account):
    return Ended()


revokes_nothing = replacing(GrantEnder, "end", _claim_to_have_revoked)
"""The new tokens of a user who has unlinked meanwhile stay valid."""


async def _take_failure_for_absence(self, unsaved):
    return await _try(self, unsaved) or Absent()


failure_is_absence = replacing(UnsavedTokens, "_try", _take_failure_for_absence)
"""A store that failed is taken for one that has no such link any more."""


async def _close_at_once(self):
    self._refresh_flight.hurry()


drains_nothing = replacing(TokenService, "_drain", _close_at_once)
"""Closing waits for nothing."""


async def _drain_flights_only(self):
    self._refresh_flight.hurry()
    await self._flights.aclose()


drains_flights_only = replacing(TokenService, "_drain", _drain_flights_only)
"""Closing does not wait for tokens that are not saved yet."""


def _swept(coroutine):
    return asyncio.get_running_loop().create_task(coroutine)


exchange_swept = replacing(flight, "start_protected", _swept)
"""The end of asyncio.run cancels the exchange."""

save_swept = replacing(unsaved, "start_protected", _swept)
"""The end of asyncio.run cancels the save."""


async def _stop_waiting(task, on_cancel=lambda: None):
    return await asyncio.shield(task)


exchange_left_behind = replacing(flight, "defer_cancellation", _stop_waiting)
"""The end of asyncio.run cancels whoever waits for the exchange, and nobody else keeps the loop running."""
