"""A lease is held without a gap, or not at all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, RefreshPolicy, StoreUnavailable, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Claimed
from extauth.domain.store_clock import lease_owner, lease_ttl
from extauth.services.refresh.lease import Leases, Occupied
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
        self.sleeps = timedelta(0)
        self.claims = 0
        self.takeovers = []
        self.down = False

    async def taken(self):
        lease = self.leases.on(await self.store.put(KEY, TOKENS))
        await self.leases.claim(lease)
        return lease

    async def claim(self, *arguments, takeover=True):
        """As the store does, but slowly, or while the machine sleeps."""
        self.claims += 1
        self.takeovers.append(takeover)
        if self.down:
            raise StoreUnavailable(self.__doc__)
        claim = await self.store.claim(*arguments, takeover=takeover)
        self.clock.advance(self.takes)
        self.clock._now += self.sleeps
        return claim


@pytest.mark.parametrize(("left", "claims"), [(NEEDED, 1), (NEEDED - timedelta(microseconds=1), 2)])
async def test_renewed_if_too_little_is_left(left, claims):
    """It is renewed when an exchange and its save don't fit in any more, and not for nothing."""
    scene = Scene()
    lease = await scene.taken()
    scene.clock.advance(POLICY.lease_ttl - left)
    assert await scene.leases.renew(lease)
    assert scene.claims == claims


async def test_an_owner_says_how_long_its_leases_last():
    """So that whoever sees one knows when it is over, whatever its own policy."""
    scene = Scene()
    link = await scene.store.put(KEY, TOKENS)
    owners = {scene.leases.on(link).owner for _ in range(50)}
    assert {lease_ttl(owner) for owner in owners} == {POLICY.lease_ttl}
    assert len(owners) == 50


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


class TestSuspended:
    """The machine sleeps, and its monotonic clock, where it does not count that, knows nothing of it."""

    async def sleeping(self, scene, span):
        """Let time pass for everybody else."""
        scene.clock._now += span

    async def test_confirmed_after_a_sleep(self):
        """The store is asked before the first presentation; it says that nobody else had the lease."""
        scene = Scene()
        lease = await scene.taken()
        await self.sleeping(scene, timedelta(seconds=10))
        assert await scene.leases.renew(lease)
        assert scene.claims == 2
        assert await scene.leases.renew(lease)
        assert scene.claims == 2

    async def test_a_quarter_of_the_margin_is_no_sleep(self):
        """Clocks that differ by no more than that cost no look at the store."""
        scene = Scene()
        lease = await scene.taken()
        await self.sleeping(scene, POLICY.save_margin / 4)
        assert await scene.leases.renew(lease)
        assert scene.claims == 1

    async def test_not_held_after_a_sleep_in_which_another_took_it(self):
        """Whether that one is at it, has presented the token and left word, or has saved."""
        for ending in ("holds it", "left it unresolved", "saved"):
            scene = Scene()
            lease = await scene.taken()
            await self.sleeping(scene, POLICY.lease_ttl)
            await scene.store.claim(KEY, 1, "another", POLICY.lease_ttl)
            if ending == "left it unresolved":
                await scene.store.release(KEY, 1, "another", unresolved=True)
            elif ending == "saved":
                await scene.store.save(KEY, 1, TOKENS)
            assert not await scene.leases.renew(lease), ending

    async def test_not_held_if_it_sleeps_while_it_asks(self):
        """What the store has said was true before."""
        scene = Scene()
        lease = await scene.taken()
        await self.sleeping(scene, timedelta(seconds=10))
        scene.sleeps = POLICY.lease_ttl
        assert not await scene.leases.renew(lease)

    async def test_always_confirmed_before_it_is_presented_again(self):
        """Also where no clock has told of a sleep."""
        scene = Scene()
        lease = await scene.taken()
        assert await scene.leases.renew(lease, again=True)
        assert scene.claims == 2
        other = scene.leases.on(await scene.store.get(KEY))
        scene.store._rows[KEY] = attrs.evolve(scene.store._rows[KEY], lease=None)
        await scene.store.claim(KEY, 1, other.owner, POLICY.lease_ttl)
        assert not await scene.leases.renew(lease, again=True)

    async def test_not_confirmed_by_a_store_that_is_down(self):
        """Who cannot ask does not present the token again, however much of the lease is left."""
        scene = Scene()
        lease = await scene.taken()
        scene.down = True
        assert await scene.leases.renew(lease)
        assert not await scene.leases.renew(lease, again=True)


class TestStoreClock:
    """What a claim says of the store's clock is compared with what the one before it said."""

    OTHER = lease_owner(7, POLICY.lease_ttl)

    async def other_has_it(self, scene):
        """Let a lease that was just seen be another replica's by now."""
        lease = await scene.taken()
        await scene.store.release(KEY, 1, lease.owner)
        await scene.store.claim(KEY, 1, self.OTHER, POLICY.lease_ttl)
        return lease

    def jump(self, scene, span):
        """Set the store's clock, and nobody else's."""
        scene.store._now = lambda: scene.clock.now() + span

    @pytest.mark.parametrize("span", [timedelta(hours=1), POLICY.lease_ttl, POLICY.save_margin / 2])
    async def test_a_jump_between_two_claims_is_seen(self, span):
        """A lease that seems to have lapsed by it is waited for; half of the save margin is a jump."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        scene.clock.advance(POLICY.lease_ttl - span / 2 if span < POLICY.lease_ttl else timedelta(0))
        self.jump(scene, span)
        assert Occupied(POLICY.lease_ttl, lapsed=True) == await scene.leases.claim(lease)

    async def test_a_claim_that_finds_another_there_tells_of_no_jump(self):
        """The store is believed of the time that is left to the other lease."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        scene.clock.advance(POLICY.lease_ttl / 2)
        assert Occupied(POLICY.lease_ttl / 2) == await scene.leases.claim(lease)

    async def test_an_unresolved_exchange_is_older_than_a_clock_that_was_set_back_says(self):
        """By how much it was set back is added to what it says."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        await scene.store.release(KEY, 1, self.OTHER, unresolved=True)
        scene.clock.advance(timedelta(minutes=90))
        self.jump(scene, -timedelta(hours=1))
        assert timedelta(minutes=90) == (await scene.leases.claim(lease)).unresolved_for

    async def test_what_is_taken_over_is_the_lease_that_was_seen(self):
        """Another owner may have taken it or renewed it meanwhile: no lease but that one is taken."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        seen = (await scene.store.claim(KEY, 1, lease.owner, POLICY.lease_ttl, takeover=False)).lease
        scene.clock.advance(POLICY.lease_ttl)
        scene.takeovers.clear()
        assert isinstance(await scene.leases.claim(lease), Claimed)
        assert scene.takeovers == [False, seen]

    async def test_a_lease_that_was_renewed_while_it_was_taken_over_is_waited_for(self):
        """Its owner is at it."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        scene.clock.advance(POLICY.lease_ttl)

        async def renewed(*arguments, takeover=True):
            if takeover is not False:
                await scene.store.claim(KEY, 1, self.OTHER, POLICY.lease_ttl)
            return await scene.store.claim(*arguments, takeover=takeover)

        scene.claim = renewed
        assert Occupied(POLICY.lease_ttl) == await scene.leases.claim(lease)

    async def test_a_store_that_does_not_let_go_of_what_is_over_is_asked_later(self):
        """It says that the lease which was to be taken over is there as before."""
        scene = Scene()
        lease = await self.other_has_it(scene)
        scene.clock.advance(POLICY.lease_ttl)

        async def unmoved(*arguments, takeover=True):
            return await scene.store.claim(*arguments, takeover=False)

        scene.claim = unmoved
        assert Occupied(POLICY.retry.maximum, lapsed=True) == await scene.leases.claim(lease)


async def test_a_lease_that_is_let_lapse_takes_nobody_elses_over():
    """Whoever has it by then has taken over what lapsed, and lets it lapse in turn, or saves."""
    scene = Scene()
    lease = await scene.taken()
    lease.after_lapsed = True
    scene.takeovers.clear()
    await scene.leases.release(lease)
    assert scene.takeovers == [False]
