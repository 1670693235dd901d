"""A lease is held without a gap, or not at all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from extauth import LinkKey, RefreshPolicy, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.services.refresh.lease import Leases
from tests.support.clocks import LeapingClock

KEY = LinkKey("github", "alice")
POLICY = RefreshPolicy()
NEEDED = POLICY.exchange_timeout + POLICY.save_margin
TOKENS = TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC))


class Scene:
    """A lease that was just taken, and how long each further claim takes."""

    def __init__(self):
        self.clock = LeapingClock()
        self.store = MemoryLinkStore(now=self.clock.now)
        self.leases = Leases(self, self.clock, POLICY, random.Random(1))
        self.takes = timedelta(0)
        self.claims = 0

    async def taken(self):
        lease = self.leases.on(await self.store.put(KEY, TOKENS))
        await self.leases.claim(lease)
        return lease

    async def claim(self, *arguments):
        """As the store does, but slowly."""
        self.claims += 1
        claim = await self.store.claim(*arguments)
        self.clock.advance(self.takes)
        return claim


@pytest.mark.parametrize(("left", "claims"), [(NEEDED, 1), (NEEDED - timedelta(microseconds=1), 2)])
async def test_renewed_if_too_little_is_left(left, claims):
    """It is renewed when an exchange and its save don't fit in any more, and not for nothing."""
    scene = Scene()
    lease = await scene.taken()
    scene.clock.advance(POLICY.lease_ttl - left)
    assert await scene.leases.renew(lease)
    assert scene.claims == claims


async def test_not_renewed_after_a_gap():
    """A lease that ran out while it was being renewed may have been another's meanwhile: it is not held,
    though the store gave it."""
    scene = Scene()
    lease = await scene.taken()
    scene.clock.advance(POLICY.lease_ttl - NEEDED / 2)
    scene.takes = NEEDED / 2
    assert not await scene.leases.renew(lease)
    assert lease.ends > scene.clock.monotonic()


@pytest.mark.parametrize(("more", "held"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
async def test_counted_from_before_it_was_asked_for(more, held):
    """The time that the store takes to renew it is gone from it."""
    scene = Scene()
    lease = await scene.taken()
    scene.clock.advance(POLICY.lease_ttl - NEEDED + timedelta(microseconds=1))
    scene.takes = POLICY.lease_ttl - NEEDED + more
    assert await scene.leases.renew(lease) is held
