"""What is remembered of other owners' leases while the store's clock cannot be believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import LinkKey, RefreshPolicy
from extauth.domain.outcomes import SeenLease
from extauth.domain.store_clock import lease_owner
from extauth.services.refresh import takeover
from extauth.services.refresh.takeover import Takeovers
from tests.support.clocks import LeapingClock
from tests.support.faulty_store import down

POLICY = RefreshPolicy()
TTL = POLICY.lease_ttl
SECOND = timedelta(seconds=1)
ALICE, BOB, CAROL, DAVE = (LinkKey("scripted", user) for user in ("alice", "bob", "carol", "dave"))


class Scene:
    """Leases of another owner, seen by a replica that has just seen the store's clock jump."""

    def __init__(self):
        self.clock = LeapingClock()
        self.takeovers = Takeovers(None, self.clock, POLICY)
        self.lease = SeenLease(lease_owner(7, TTL), self.clock.now())
        self.jump()

    def jump(self):
        for span in (timedelta(0), timedelta(hours=1)):
            self.takeovers.seen(self.clock.now() + span, self.clock.monotonic())

    def waits(self, key, lease=None):
        """See a lease on that link a second later; return for how long it is still waited for."""
        self.clock.advance(SECOND)
        return self.takeovers.wait_for(key, lease or self.lease, timedelta(0))


def test_a_lease_is_watched_from_when_it_was_first_seen():
    """Each second that it stays unchanged is one less to wait."""
    scene = Scene()
    assert [scene.waits(ALICE) for _ in range(3)] == [TTL, TTL - SECOND, TTL - 2 * SECOND]


def test_one_that_is_over_is_forgotten():
    """The next one on that link is watched from its beginning; one that nobody watched, in silence."""
    scene = Scene()
    scene.waits(BOB)
    scene.takeovers.forget(CAROL)
    scene.waits(ALICE)
    scene.takeovers.forget(ALICE)
    assert scene.waits(ALICE) == TTL


def test_only_so_many_are_watched(monkeypatch):
    """The one that was first seen longest ago is given up for a new one, and no other."""
    monkeypatch.setattr(takeover, "_MOST_WATCHED", 2)
    scene = Scene()
    scene.waits(ALICE)
    scene.waits(BOB)
    scene.waits(CAROL)
    assert (scene.waits(BOB), scene.waits(ALICE)) == (TTL - 2 * SECOND, TTL)


def test_one_that_was_renewed_is_the_newest(monkeypatch):
    """What it was before does not make it the oldest."""
    monkeypatch.setattr(takeover, "_MOST_WATCHED", 3)
    scene = Scene()
    scene.waits(ALICE)
    scene.waits(BOB)
    renewed = SeenLease(scene.lease.owner, scene.lease.expires_at + SECOND)
    scene.waits(ALICE, renewed)
    scene.waits(CAROL)
    scene.waits(DAVE)
    assert (scene.waits(ALICE, renewed), scene.waits(BOB)) == (TTL - 3 * SECOND, TTL)


@pytest.mark.parametrize("failing", [0, 1])
async def test_a_store_that_is_down_is_no_error_when_its_clock_is_looked_at(scene, failing):
    """A service begins its work whether it can see the clock or not."""
    scene.store.before["time"] = down(failing)
    link = await scene.link(expires_in=timedelta(minutes=30))
    async with scene.replica() as tokens:
        assert await tokens.access_token("scripted", "alice") == link.tokens.access_token
    assert scene.store.calls["time"] == 1
