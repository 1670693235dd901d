"""Taking over what another replica has left: by the store's clock where that can be believed."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import SeenLease
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore
from extauth.domain.store_clock import Moment, StoreClock, lease_ttl, wait_for_lease

PART_OF_MARGIN: Final = 4
"""Three jumps that stay unnoticed may fall within one lease, and leave something of the save margin."""

_MOST_WATCHED: Final = 10_000


@final
@attrs.frozen
class _Watched:
    lease: SeenLease
    since: float
    """On the monotonic clock, when it was first seen."""
    ttl: timedelta


@final
class Takeovers:
    """Says of other owners' leases which are over."""

    def __init__(self, store: RefreshStore, clock: Clock, policy: RefreshPolicy) -> None:
        self._store = store
        self._clock = clock
        self._ttl = policy.lease_ttl
        self._store_clock = StoreClock(policy.save_margin / PART_OF_MARGIN, policy.lease_ttl)
        self._watched: dict[LinkKey, _Watched] = {}
        """In the order in which they were first seen."""

    async def look(self) -> None:
        """See the store's clock, to have something to compare it with later. A store that is down, or tells
        no time, is no error here."""
        if hasattr(self._store, "time"):
            asked = self._clock.monotonic()
            with suppress(StoreUnavailable):
                self.seen(await self._store.time(), asked)

    def seen(self, store_time: datetime, asked: float) -> None:
        """Take note of the store's clock, as the answer to what was asked then has it."""
        moment = Moment(store_time, asked, self._clock.monotonic())
        self._store_clock = self._store_clock.seeing(moment)

    def age(self, unresolved_for: timedelta | None) -> timedelta | None:
        """Return the age of an exchange that the store's clock may have made too young."""
        return None if unresolved_for is None else unresolved_for + self._store_clock.went_back

    def wait_for(self, key: LinkKey, lease: SeenLease, left: timedelta) -> timedelta:
        """Return how long at most the lease is to be waited for from now on; none if it is over.

        ``left`` is what the store has just said of it.
        """
        now = self._clock.monotonic()
        watched = self._watched.get(key)
        if watched is None or watched.lease != lease:
            watched = self._watch(key, lease, now, left)
        span = timedelta(seconds=now - watched.since)
        believed = self._store_clock.believed(now, watched.ttl)
        return wait_for_lease(left, span, watched.ttl, believed=believed)

    def forget(self, key: LinkKey) -> None:
        """Forget a lease that is over."""
        if self._watched:
            self._watched.pop(key, None)

    def _watch(self, key: LinkKey, lease: SeenLease, now: float, left: timedelta) -> _Watched:
        self._watched.pop(key, None)
        if len(self._watched) >= _MOST_WATCHED:
            del self._watched[next(iter(self._watched))]
        # The store is believed of one whose name does not say it: no replica of this version has it.
        ttl = lease_ttl(lease.owner) or max(self._ttl, left)
        watched = self._watched[key] = _Watched(lease, now, ttl)
        return watched
