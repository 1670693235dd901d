"""Leases on virtual time, for a store whose own clock a test cannot move.

The store keeps every lease for a day of its own time. When the lease has lapsed on the virtual clock, it is
ended through the contract, by ``release(..., unresolved=True)`` in the holder's name: whoever claims next
finds what a lapsed lease leaves behind. That the store's own leases lapse is for its contract tests to show.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar, final

import attrs

from extauth.domain.due import Due, DueBy
from extauth.domain.link import GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.optional_keywords import given, understood
from extauth.domain.outcomes import (
    Claimed,
    ClaimOutcome,
    Held,
    Recorded,
    RecordOutcome,
    Resealed,
    ResealOutcome,
    Saved,
    SaveOutcome,
    SeenLease,
    Stale,
)
from extauth.domain.ports import LinkStore, Takeover
from extauth.domain.token_set import TokenSet
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock

REAL_TTL = timedelta(days=1)

_Outcome = TypeVar("_Outcome")


@final
@attrs.define
class _Lease:
    version: int
    owner: str
    taken_at: datetime
    expires_at: datetime


@final
class VirtualLeases:
    """A :class:`~extauth.domain.ports.LinkStore` around one, whose leases lapse on the virtual clock."""

    def __init__(self, store: LinkStore, clock: VirtualClock) -> None:
        self._store = store
        self._clock = clock
        self._leases: dict[LinkKey, _Lease] = {}
        self._unresolved_since: dict[LinkKey, datetime] = {}

    async def get(self, key: LinkKey) -> Link | None:
        return self._seen(await self._store.get(key))

    async def links_of(self, user_id: str) -> list[Link]:
        return [self._on_virtual_time(link) for link in await self._store.links_of(user_id)]

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        link = await self._store.put(key, tokens, origin=origin)
        self._forget(key)
        return link

    async def delete(self, key: LinkKey) -> Link | None:
        link = self._seen(await self._store.delete(key))
        self._forget(key)
        return link

    async def time(self) -> datetime:
        return self._clock.store_now()

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        now = self._clock.store_now()
        lease = self._leases.get(key)
        if lease is not None and lease.owner != owner:
            seen = SeenLease(lease.owner, lease.expires_at)
            if takeover == seen or (takeover is True and now >= lease.expires_at):
                await self._store.release(key, lease.version, lease.owner, unresolved=True)
                self._end(key, lease, unresolved=True)
        outcome = await self._store.claim(key, version, owner, REAL_TTL)
        if isinstance(outcome, Held) and lease is not None:
            return Held(lease.expires_at - now, SeenLease(lease.owner, lease.expires_at))
        if not isinstance(outcome, Claimed):
            return self._translated(outcome)
        renewed = lease is not None and lease.owner == owner
        taken_at = lease.taken_at if lease is not None and renewed else now
        self._leases[key] = _Lease(version, owner, taken_at, now + ttl)
        age = outcome.unresolved_for
        if age is not None:
            age = now - self._unresolved_since.get(key, now)
        return Claimed(self._on_virtual_time(outcome.link), age, now)

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        said = understood(self._store.save, written_at=written_at, other_grant=other_grant or None)
        said |= given(origin=origin)
        outcome = await self._store.save(key, version, tokens, **said)
        if isinstance(outcome, Saved):
            self._forget(key)
        return self._translated(outcome)

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        said = understood(self._store.record_failure, written_at=written_at)
        return self._translated(await self._store.record_failure(key, version, failure, **said))

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        return await self._store.lift_failure(provider_id, user_id=user_id, reason=reason, since=since)

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        released = await self._store.release(key, version, owner, unresolved=unresolved)
        lease = self._leases.get(key)
        if released and lease is not None:
            self._end(key, lease, unresolved=unresolved)
        return released

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        said = understood(self._store.reseal, written_at=written_at)
        return self._translated(await self._store.reseal(key, version, tokens, **said))

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        return await self._store.due(provider_id, by, before, after=after, limit=limit)

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        return self._seen(await self._store.wait_for_change(key, version, timeout))

    def _end(self, key: LinkKey, lease: _Lease, *, unresolved: bool) -> None:
        del self._leases[key]
        if unresolved:
            self._unresolved_since.setdefault(key, lease.taken_at)

    def _forget(self, key: LinkKey) -> None:
        self._leases.pop(key, None)
        self._unresolved_since.pop(key, None)

    def _translated(self, outcome: _Outcome) -> _Outcome:
        if isinstance(outcome, Stale | Saved | Recorded | Resealed):
            return attrs.evolve(outcome, link=self._on_virtual_time(outcome.link))
        return outcome

    def _seen(self, link: Link | None) -> Link | None:
        return None if link is None else self._on_virtual_time(link)

    def _on_virtual_time(self, link: Link) -> Link:
        """What the store says of an exchange stays as it says; only when it began, and whether its lease
        is live, are told by the virtual clock."""
        if link.pending is None:
            return link
        now = self._clock.store_now()
        lease = self._leases.get(link.key)
        taken_at = now if lease is None else lease.taken_at
        since = self._unresolved_since.get(link.key, taken_at)
        live = link.pending.live and lease is not None and now < lease.expires_at
        return attrs.evolve(link, pending=PendingExchange(since, live))
