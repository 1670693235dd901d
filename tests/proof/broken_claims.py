"""Stores with one bug each: leases that guard nothing, or keep everybody out.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from extauth.adapters.memory.rows import Lease
from extauth.domain.outcomes import Claimed, Held, Stale
from tests.proof.breakable_store import HealthyStore, broken


@broken("claim", "test_a_live_lease_keeps_others_out")
class LeaseIgnored(HealthyStore):
    """Everybody may present the same refresh token."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if row is not None and row.link.version == version:
            self.row(key, lease=None)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_a_lease_keeps_other_replicas_out")
class ReplicasClockDecides(HealthyStore):
    """A replica whose clock is an hour ahead takes every lease for lapsed."""

    def another(self):
        twin = copy.copy(self)
        twin._now = lambda: datetime.now(UTC) + timedelta(hours=1)
        return twin


@broken("claim", "test_a_lease_is_for_some_time_and_for_somebody")
class LeaseForNoTime(HealthyStore):
    """A ttl of zero or less is accepted: the lease is held by nobody."""

    async def claim(self, key, version, owner, ttl):
        return await super().claim(key, version, owner, max(ttl, timedelta(microseconds=1)))


@broken("claim", "test_a_lease_is_for_some_time_and_for_somebody")
class LeaseForNobody(HealthyStore):
    """An empty owner is accepted: two replicas that forget their names share the lease."""

    async def claim(self, key, version, owner, ttl):
        return await super().claim(key, version, owner or "nobody", ttl)


@broken("claim", "test_a_lease_is_for_some_time_and_for_somebody")
class RefusesAfterWriting(HealthyStore):
    """A ttl of zero is refused, when the lease has been written."""

    async def claim(self, key, version, owner, ttl):
        if ttl <= timedelta(0):
            await super().claim(key, version, owner, timedelta(hours=1))
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_a_lease_runs_from_its_own_claim")
class LeaseOfSecondsOnly(HealthyStore):
    """timedelta.seconds instead of total_seconds(): days are lost."""

    async def claim(self, key, version, owner, ttl):
        return await super().claim(
            key, version, owner, ttl - timedelta(days=ttl.days) if ttl.days > 0 else ttl
        )


@broken("claim", "test_owners_are_told_apart_exactly")
class OwnersFolded(HealthyStore):
    """A collation that ignores case and trailing blanks takes two owners for one."""

    async def claim(self, key, version, owner, ttl):
        return await super().claim(key, version, owner.strip().casefold(), ttl)


@broken("claim", "test_a_lapsed_lease_is_an_unresolved_exchange")
class CrashForgotten(HealthyStore):
    """A claim after a crash does not say that the token may be used up."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        return attrs.evolve(outcome, unresolved_for=None) if isinstance(outcome, Claimed) else outcome


@broken("claim", "test_a_lapsed_lease_is_an_unresolved_exchange")
class LeaseNeverLapses(HealthyStore):
    """The lease of a crashed replica keeps everybody out for ever."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        lease = row and row.lease
        if lease and row.link.version == version and lease.owner != owner and ttl > timedelta(0):
            return Held(max(lease.expires_at - self._now(), timedelta(seconds=1)))
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_an_owner_renews_its_lease")
class OwnClaimCounts(HealthyStore):
    """A repeated claim takes its own first try for somebody's unresolved exchange."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if (
            row is not None
            and row.lease is not None
            and row.lease.owner == owner
            and row.link.version == version
        ):
            self.row(key, unresolved_since=row.unresolved_since or row.lease.taken_at)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_an_owner_renews_a_lapsed_lease")
class OwnLapsedClaimCounts(HealthyStore):
    """The same, once the lease has lapsed."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if row is not None and row.lease is not None and row.lease.expires_at <= self._now():
            self.row(key, unresolved_since=row.unresolved_since or row.lease.taken_at)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_an_owner_renews_its_lease")
class NoRenewal(HealthyStore):
    """An owner is kept out by its own lease."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if row is not None and row.lease is not None and row.link.version == version:
            left = row.lease.expires_at - self._now()
            if left > timedelta(0) and ttl > timedelta(0) and owner:
                return Held(left)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_a_renewal_still_tells_of_others_exchanges")
class RenewalForgets(HealthyStore):
    """A repeated claim forgets the exchange that another owner left unresolved."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if row is not None and row.lease is not None and row.lease.owner == owner:
            self.row(key, unresolved_since=None)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_the_oldest_unresolved_exchange_counts")
class NewestExchangeCounts(HealthyStore):
    """The age is that of the latest crash: the oldest use of the token is forgotten."""

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if (
            row is not None
            and row.lease is not None
            and row.lease.owner != owner
            and row.link.version == version
        ):
            self.row(key, unresolved_since=None)
        return await super().claim(key, version, owner, ttl)


@broken("claim", "test_stale_wins_over_held")
class HeldBeforeStale(HealthyStore):
    """A waiter with an old version waits for a lease that is not about it."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        row = self._rows.get(key)
        if isinstance(outcome, Stale) and row is not None and row.lease is not None:
            return Held(timedelta(seconds=1))
        return outcome


@broken("claim", "test_a_live_lease_keeps_others_out")
class HeldForNoTime(HealthyStore):
    """Held by whom nobody asks, for how long nobody knows."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        return Held(timedelta(0)) if isinstance(outcome, Held) else outcome


@broken("claim", "test_a_claim_returns_what_another_replica_wrote")
class ClaimFromReplica(HealthyStore):
    """The claim answers from a copy that lags behind: the token it gives may be used up."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[Any, Any] = {}

    def another(self):
        twin = copy.copy(self)
        twin.copies = {}
        return twin

    async def get(self, key):
        self.copies[key] = link = await super().get(key)
        return link

    async def claim(self, key, version, owner, ttl, **takeover):
        outcome = await super().claim(key, version, owner, ttl, **takeover)
        lagging = self.copies.get(key)
        if isinstance(outcome, Stale) and lagging is not None:
            return Claimed(lagging, None)
        return outcome


@broken("claim", "test_a_lease_is_on_one_link")
class OneLeaseForAll(HealthyStore):
    """A lease on one link keeps everybody from all of them."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        if isinstance(outcome, Claimed):
            for other in self._rows:
                self.row(other, lease=Lease(owner, self._now(), self._now() + ttl))
        return outcome
