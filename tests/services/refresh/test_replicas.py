"""What several replicas on one store do to one link."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from extauth import (
    LinkKey,
    LinkNotFound,
    ProviderTraits,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
    RefreshPolicy,
)
from extauth.domain.events import LinkAdopted
from extauth.domain.outcomes import Claimed, ClientRejected, Deferred, GrantRejected
from extauth.services.refresh.lease import Leases

KEY = LinkKey("scripted", "alice")
EXPIRED = timedelta(0)
SOON = timedelta(minutes=1)
"""Inside the look-ahead, outside min_validity."""
AT_ONCE = timedelta(seconds=5)
"""Inside min_validity."""
FRESH = timedelta(minutes=30)


class TwoReplicas:
    """The first one is exchanging and held up; the second one waits for it."""

    def __init__(self, scene, **options):
        self.scene = scene
        scene.provider.gate = asyncio.Event()
        self.first = scene.replica()
        self.second = scene.replica(**options)

    async def start(self):
        self.holder = asyncio.create_task(self.first.link("scripted", "alice"))
        await self.scene.provider.exchanging.wait()
        self.waiter = asyncio.create_task(self.second.link("scripted", "alice"))
        await self.scene.store.entered["wait_for_change"].wait()
        return self

    def open(self):
        self.scene.provider.gate.set()


class TestWaiting:
    async def test_one_exchange_for_all(self, scene):
        """Callers of many replicas at once cause one exchange and get the same token."""
        await scene.link(expires_in=EXPIRED)
        replicas = [scene.replica() for _ in range(5)]
        served = await asyncio.gather(
            *(tokens.access_token("scripted", "alice") for tokens in replicas for _ in range(20))
        )
        assert len(set(served)) == 1
        assert scene.provider.exchanges == 1

    async def test_the_waiter_adopts_what_the_holder_saved(self, scene):
        """A replica that finds the lease held waits, and hands out the other's new token."""
        await scene.link(expires_in=EXPIRED)
        two = await TwoReplicas(scene).start()
        two.open()
        assert await two.waiter == await two.holder
        assert scene.provider.exchanges == 1
        assert scene.store.calls["wait_for_change"] == 1
        assert LinkAdopted(KEY, 2) in scene.events

    async def test_the_waiter_goes_on_with_what_it_had(self, scene):
        """If the holder fails while the token still works, the waiter hands it out and adopts nothing."""
        link = await scene.link(expires_in=AT_ONCE)
        scene.provider.script = [Deferred("http_429")]
        two = await TwoReplicas(scene).start()
        two.open()
        for call in (two.holder, two.waiter):
            assert (await call).tokens == link.tokens
        assert not [event for event in scene.events if isinstance(event, LinkAdopted)]

    async def test_the_holder_is_rejected(self, scene):
        """What the provider said to one replica holds for the waiter, at no cost."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [GrantRejected("invalid_grant")]
        two = await TwoReplicas(scene).start()
        two.open()
        for call in (two.holder, two.waiter):
            with pytest.raises(ReauthorizationRequired):
                await call
        assert scene.provider.exchanges == 1
        assert scene.store.calls["claim"] == 2

    async def test_the_holder_fails_for_now(self, scene):
        """A failed exchange is not repeated at once by whoever waited for it."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.script = [Deferred("http_429")]
        two = await TwoReplicas(scene).start()
        two.open()
        for call in (two.holder, two.waiter):
            with pytest.raises(ProviderUnavailable):
                await call
        assert scene.provider.exchanges == 1

    async def test_the_holder_replaces_a_rejected_token(self, scene):
        """Who waits because an API refused the old token is content with the holder's new one."""
        link = await scene.link(expires_in=FRESH)
        scene.provider.gate = asyncio.Event()
        replicas = [scene.replica(), scene.replica()]
        rejected = link.tokens.access_token
        calls = [asyncio.create_task(one.refresh("scripted", "alice", rejected=rejected)) for one in replicas]
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        assert [(await call).version for call in calls] == [2, 2]
        assert scene.provider.exchanges == 1

    async def test_one_holder_after_another_replaces_nothing(self, scene):
        """Who reported a refused token waits for as many holders as it takes, and then refreshes it."""
        link = await scene.link(expires_in=FRESH)
        inner = scene.inner
        await inner.claim(KEY, 1, "first", timedelta(seconds=40))
        rejected = link.tokens.access_token
        call = asyncio.create_task(scene.replica().refresh("scripted", "alice", rejected=rejected))
        await scene.store.entered["wait_for_change"].wait()
        scene.store.entered["wait_for_change"].clear()
        scene.store.before["claim"] = [lambda: inner.claim(KEY, 1, "second", timedelta(seconds=40))]
        await inner.release(KEY, 1, "first")
        await scene.store.entered["wait_for_change"].wait()
        await inner.release(KEY, 1, "second")
        assert (await call).version == 2
        assert scene.provider.exchanges == 1

    async def test_the_holder_leaves_a_working_token_as_it_is(self, scene):
        """A refresh that nobody waits for, and that had to wait for another's, is not made up for."""
        await scene.link(expires_in=SOON)
        scene.provider.gate = asyncio.Event()
        scene.provider.script = [ClientRejected("invalid_client")]
        replicas = [scene.replica(), scene.replica()]
        await asyncio.gather(*(one.link("scripted", "alice") for one in replicas))
        flights = [one._flights._flights[KEY].task for one in replicas]
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        await asyncio.wait(flights)
        assert scene.provider.exchanges == 1

    async def test_the_user_unlinks(self, scene):
        """A waiter whose link goes away stops waiting."""
        await scene.link(expires_in=EXPIRED)
        two = await TwoReplicas(scene).start()
        await scene.store.delete(KEY)
        with pytest.raises(LinkNotFound):
            await two.waiter
        two.open()
        with pytest.raises(LinkNotFound):
            await two.holder

    async def test_the_user_authorizes_again(self, scene):
        """A waiter adopts a new authorization without waiting for the exchange any longer."""
        await scene.link(expires_in=EXPIRED)
        two = await TwoReplicas(scene).start()
        theirs = await scene.link(expires_in=FRESH)
        assert await two.waiter == theirs
        two.open()
        assert await two.holder == theirs

    async def test_patience_has_an_end(self, scene, brief):
        """Who has waited long enough is told to try later, and never exchanges without the lease."""
        await scene.link(expires_in=EXPIRED)
        policy = brief(wait_timeout=timedelta(seconds=3))
        two = TwoReplicas(scene, policy=policy)

        async def three_seconds_pass():
            scene.clock.advance(timedelta(seconds=3))

        scene.store.after["wait_for_change"] = [three_seconds_pass]
        scene.inner.wait_for_change = _seen_at_once(scene)
        await two.start()
        with pytest.raises(RefreshInProgress) as caught:
            await two.waiter
        assert caught.value.retry_after == timedelta(seconds=42)
        assert scene.provider.exchanges == 1
        two.open()
        await two.holder

    async def test_a_lease_that_only_the_store_takes_for_over_is_looked_at_now_and_then(self, scene):
        """To wait for its end in the store would end at once, and so ask it without a pause."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        first, second = scene.replica(), scene.replica()
        holder = asyncio.create_task(first.link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        await second.__aenter__()
        scene.inner._now = lambda: scene.clock.now() + timedelta(hours=1)
        waiter = asyncio.create_task(second.link("scripted", "alice"))
        while len(scene.clock.slept) < 5 and not scene.store.calls["wait_for_change"]:
            await asyncio.sleep(0)
        assert scene.store.calls["wait_for_change"] == 0
        assert scene.clock.slept == [1.0] * 5
        scene.provider.gate.set()
        assert await waiter == await holder
        assert scene.provider.exchanges == 1

    async def test_a_store_that_knows_no_takeover(self, scene):
        """One of the application's own says itself how long another's lease lasts."""

        class Older:
            def __init__(self, store):
                self._store = store

            def __getattr__(self, name):
                return getattr(self._store, name)

            async def claim(self, key, version, owner, ttl):
                return await self._store.claim(key, version, owner, ttl)

        await scene.link(expires_in=EXPIRED)
        scene.store = Older(scene.store)
        two = await TwoReplicas(scene).start()
        two.open()
        assert await two.waiter == await two.holder
        assert scene.provider.exchanges == 1
        assert scene.store.calls["wait_for_change"] == 1

    async def test_closing_ends_the_waiting(self, scene):
        """A replica that shuts down doesn't wait for others."""
        await scene.link(expires_in=EXPIRED)
        two = await TwoReplicas(scene).start()
        await two.second.aclose()
        with pytest.raises(RefreshInProgress, match="refreshing scripted for 'alice'") as caught:
            await two.waiter
        assert caught.value.retry_after == timedelta(seconds=45)
        two.open()
        await two.holder

    async def test_a_crashed_holder(self, scene, brief):
        """When the holder's lease lapses without a word, the waiter takes over."""
        await scene.link(expires_in=EXPIRED)
        await scene.inner.claim(KEY, 1, "crashed", timedelta(seconds=40))
        tokens = scene.replica()
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await scene.store.entered["wait_for_change"].wait()
        scene.clock.advance(timedelta(seconds=40))
        await scene.inner.reseal(KEY, 1, (await scene.stored()).tokens)  # wakes the waiter
        assert (await call).version == 2
        assert scene.provider.exchanges == 1

    async def test_a_slow_holder_still_saves(self, scene):
        """A holder whose lease has lapsed may save while nobody else has: its tokens are the live ones."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        call = asyncio.create_task(scene.replica().link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        scene.clock.advance(timedelta(minutes=5))
        await scene.inner.claim(KEY, 1, "another", timedelta(seconds=40))
        scene.provider.gate.set()
        link = await call
        assert link == await scene.stored()
        assert scene.provider.is_live(link.tokens)

    async def test_a_holder_that_was_cut_off_may_save_first(self, scene):
        """Before the token is presented again, a holder that lost sight of the store gets time to save."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.store.before["save"] = [back.wait]
        holder = asyncio.create_task(scene.replica().link("scripted", "alice"))
        await scene.store.entered["save"].wait()
        scene.clock.advance(timedelta(seconds=45))

        async def claimed_in_vain():
            pass

        async def the_holder_saves():
            back.set()
            await holder

        # Two to see the lease and to take it over, and the second look.
        scene.store.before["claim"] = [claimed_in_vain, claimed_in_vain, the_holder_saves]
        try:
            adopted = await scene.replica().link("scripted", "alice")
        finally:
            back.set()
        assert adopted == await holder
        assert scene.provider.exchanges == 1
        assert scene.clock.slept == [5.0]


def _seen_at_once(scene):
    async def wait_for_change(key, version, timeout):
        return await scene.inner.get(key)

    return wait_for_change


async def test_a_killed_replica_where_a_replay_is_forgiven(scene):
    """Its lease ends in time for another one to present the token again: nothing is lost."""
    scene.provider.traits = traits = ProviderTraits(replay_window=timedelta(seconds=30))
    link = await scene.link()
    policy = RefreshPolicy()
    killed = Leases(scene.inner, scene.clock, policy, random.Random(7))
    assert isinstance(await killed.claim(killed.on(link, traits)), Claimed)
    await scene.provider.refresh(link.tokens)
    scene.clock.advance(policy.lease_at(traits))
    served = await scene.replica(policy=policy).link("scripted", "alice")
    assert scene.provider.is_live(served.tokens)
    assert scene.provider.families_revoked == 0


async def test_a_lease_ends_while_a_replay_is_forgiven(scene):
    """So that the replica which holds it may be killed."""
    scene.provider.traits = traits = ProviderTraits(replay_window=timedelta(seconds=30))
    await scene.link()
    scene.provider.gate = asyncio.Event()
    policy = RefreshPolicy()
    call = asyncio.create_task(scene.replica(policy=policy).link("scripted", "alice"))
    await scene.provider.exchanging.wait()
    held = await scene.inner.claim(KEY, 1, "another", policy.lease_ttl, takeover=False)
    assert held.remaining == policy.lease_at(traits) < policy.lease_ttl
    scene.provider.gate.set()
    await call
