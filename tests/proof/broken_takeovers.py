"""Stores with one bug each: leases that are taken over by the wrong word."""

from __future__ import annotations

from datetime import timedelta

from extauth.domain.outcomes import Held, SeenLease
from tests.proof.breakable_store import HealthyStore, broken


@broken("claim", "test_a_lapsed_lease_can_be_left_alone")
class StoresClockDecides(HealthyStore):
    """A lease that has lapsed is taken over whatever was asked."""

    async def claim(self, key, version, owner, ttl, *, takeover=True):
        return await super().claim(key, version, owner, ttl, takeover=takeover or True)


@broken("claim", "test_a_lease_that_was_seen_is_taken_over")
class LiveLeasesStay(HealthyStore):
    """One that the store takes for live is never taken over."""

    async def claim(self, key, version, owner, ttl, *, takeover=True):
        return await super().claim(key, version, owner, ttl, takeover=takeover is True)


@broken("claim", "test_another_lease_is_not")
class AnyLeaseOfThatOwner(HealthyStore):
    """A lease that its owner has renewed meanwhile passes for the one that was seen."""

    async def claim(self, key, version, owner, ttl, *, takeover=True):
        row = self._rows.get(key)
        if isinstance(takeover, SeenLease) and row and row.lease and row.lease.owner == takeover.owner:
            takeover = SeenLease(takeover.owner, row.lease.expires_at)
        return await super().claim(key, version, owner, ttl, takeover=takeover)


@broken("time", "test_the_stores_clock_can_be_read")
class AnotherClock(HealthyStore):
    """The time that is told is not the one that leases end by."""

    async def time(self):
        return self._now() - timedelta(hours=1)


@broken("claim", "test_what_needs_no_takeover")
class OwnLeaseInTheWay(HealthyStore):
    """Who takes no lease over does not even have its own."""

    async def claim(self, key, version, owner, ttl, *, takeover=True):
        row = self._rows.get(key)
        if takeover is False and row and row.lease and row.link.version == version:
            return Held(row.lease.expires_at - self._now(), SeenLease(row.lease.owner, row.lease.expires_at))
        return await super().claim(key, version, owner, ttl, takeover=takeover)
