"""Replicas share the work, and nobody is overrun."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from extauth import RefreshPolicy, TokenService, Upkeep, UpkeepReport
from extauth.domain.events import UpkeepSwept
from extauth.domain.outcomes import Deferred
from extauth.domain.rate_limit import RateLimit
from extauth.services.upkeep.pace import IN_A_ROW, Pace
from tests.services.upkeep.conftest import DAY, HOUR, Wrapped
from tests.support.clocks import LeapingClock

MINUTE = timedelta(minutes=1)


async def test_replicas_refresh_no_link_twice(scene):
    """Three look at the same links at the same time; each link is presented once, by whoever was first."""
    keys = [await scene.link(f"user-{number}", -HOUR) for number in range(30)]
    reports = await asyncio.gather(*(scene.replica(page=10).run_once() for _ in range(3)))
    assert len(set(scene.provider.presented)) == len(scene.provider.presented) == 30
    assert await scene.versions(*keys) == [2] * 30
    assert sum(report.refreshed for report in reports) == 30
    assert {report.failed for report in reports} == {0}


async def test_replicas_share_a_page(memory):
    """They begin in different places of it, so that each does a part."""
    for number in range(60):
        await memory.link(f"user-{number}", -HOUR)
    reports = await asyncio.gather(*(memory.replica(concurrency=1).run_once() for _ in range(3)))
    assert sum(report.refreshed for report in reports) == 60
    assert min(report.refreshed for report in reports) > 10


async def test_upkeep_and_a_caller_share_a_flight(scene):
    """Whoever needs the token meanwhile gets the one that upkeep fetches; it is presented once."""
    await scene.link("alice", -HOUR)
    scene.provider.gate = asyncio.Event()
    replica = scene.replica()
    upkeep = asyncio.create_task(replica.run_once())
    await scene.provider.exchanging.wait()
    caller = asyncio.create_task(scene.services[0].access_token("github", "alice"))
    await asyncio.sleep(0)
    scene.provider.gate.set()
    assert (await upkeep).refreshed == 1
    assert await caller == (await scene.services[0].access_token("github", "alice"))
    assert scene.provider.exchanges == 1


async def test_a_link_that_is_due_twice_is_refreshed_once(memory):
    """Its access token expires, and its refresh token is idle."""
    now = memory.clock.now()
    await memory.link("alice", 30 * DAY + MINUTE, refresh_token_expires_at=now + 60 * DAY)
    memory.clock.advance(30 * DAY + timedelta(seconds=1))
    report = await memory.replica().run_once()
    assert report == UpkeepReport(refreshed=1, behind=report.behind)
    assert memory.provider.exchanges == 1


async def test_a_link_that_waits_for_two_places_is_refreshed_once(memory, monkeypatch):
    """It is due because it expires and because it is idle, and comes by both places at the same time."""
    now = memory.clock.now()
    await memory.link("alice", 30 * DAY + MINUTE, refresh_token_expires_at=now + 60 * DAY)
    memory.clock.advance(30 * DAY + timedelta(seconds=1))
    for user in ("bob", "carol"):
        await memory.link(user, -HOUR)
    replica = memory.replica(concurrency=2)
    alice_last = partial(list.sort, key=lambda due: due.key, reverse=True)
    monkeypatch.setattr(replica._rng, "shuffle", alice_last)
    assert (await replica.run_once()).refreshed == 3
    assert memory.provider.exchanges == 3


async def test_as_many_are_counted_as_others_refreshed(memory):
    """Between the look at a link and its turn a caller elsewhere gets new tokens, which are adopted."""
    keys = [await memory.link(f"user-{number}", -HOUR) for number in range(3)]
    caller = TokenService(memory.store, [memory.provider], clock=memory.clock)
    memory.services.append(caller)

    async def get(key):
        link = await store.get(key)
        await caller.access_token("github", key.user_id)
        return link

    store, memory.store = memory.store, Wrapped(memory.store, get=get)
    told: list[UpkeepReport] = []
    report = await memory.replica(concurrency=1).run_once(progress=told.append)
    assert report == UpkeepReport(elsewhere=3)
    assert {each.elsewhere for each in told} == {0, 1, 2, 3}
    assert await memory.versions(*keys) == [2] * 3
    assert memory.provider.exchanges == 3


async def test_as_many_are_counted_as_others_are_about_to_refresh(memory):
    """Between the look at a link and its turn another replica takes its lease, and is at it for long."""
    for number in range(3):
        await memory.link(f"user-{number}", -HOUR)

    async def claim(key, version, owner, ttl, **how):
        await store.claim(key, version, "another replica", DAY)
        return await store.claim(key, version, owner, ttl, **how)

    async def wait_for_change(key, version, timeout):
        memory.clock.advance(timeout)
        return await store.get(key)

    store = memory.store
    memory.store = Wrapped(store, claim=claim, wait_for_change=wait_for_change)
    assert await memory.replica().run_once() == UpkeepReport(elsewhere=3)
    assert memory.provider.presented == []


async def test_what_has_piled_up_is_caught_up_at_the_rate(memory):
    """After three days without upkeep everything is due; no more are sent in a second than before."""
    memory.provider.lifetime = 30 * DAY
    for number in range(100):
        await memory.link(f"user-{number}", HOUR)
    memory.clock.advance(3 * DAY)
    replica = memory.replica(rate=2.0, concurrency=1)
    before = memory.clock.monotonic()
    report = await replica.run_once()
    assert report.refreshed == 100
    assert memory.clock.monotonic() - before == pytest.approx(99 / 2)


async def test_no_more_are_under_way_than_said(memory):
    """However slow the provider is."""
    for number in range(20):
        await memory.link(f"user-{number}", -HOUR)
    under_way, most = 0, 0
    refresh = memory.provider.refresh

    async def counted(tokens):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20):
            await asyncio.sleep(0)
        under_way -= 1
        return await refresh(tokens)

    memory.provider.refresh = counted
    assert (await memory.replica(concurrency=3).run_once()).refreshed == 20
    assert most == 3


async def test_a_provider_that_asks_to_be_left_alone_is(memory):
    """Two links hear it, then no more are sent until that is over; other providers go on."""
    for number in range(50):
        await memory.link(f"user-{number}", -HOUR)
    others = [await memory.link(f"user-{number}", -HOUR, "gitlab") for number in range(5)]
    memory.provider.script = [Deferred("rate_limited", timedelta(seconds=100)) for _ in range(50)]
    replica = memory.replica(concurrency=1)
    report = await replica.run_once()
    assert memory.provider.exchanges == 2
    assert (report.refreshed, report.failed, report.paused) == (5, 2, frozenset({"github"}))
    swept = [event for event in memory.events if isinstance(event, UpkeepSwept)]
    assert {event.provider_id: event.paused for event in swept} == {"github": True, "gitlab": False}
    assert await memory.versions(*others) == [2] * 5
    memory.clock.advance(timedelta(seconds=99))
    assert (await replica.run_once()).paused == {"github"}
    assert memory.provider.exchanges == 2
    memory.provider.script.clear()
    memory.clock.advance(timedelta(seconds=10))
    assert (await replica.run_once()).refreshed == 50
    assert memory.provider.exchanges == 52


async def test_an_outage_of_the_provider_is_no_stampede(memory):
    """Where one after the other fails, a provider hears one a second; afterwards all is caught up."""
    for number in range(200):
        await memory.link(f"user-{number}", -HOUR)
    memory.provider.script = [Deferred("http_500") for _ in range(5000)]
    replica = memory.replica(concurrency=1)
    began = memory.clock.monotonic()
    for _ in range(5):
        await replica.run_once()
        memory.clock.advance(timedelta(seconds=30))
    assert 200 < memory.provider.exchanges < memory.clock.monotonic() - began
    memory.provider.script.clear()
    before = memory.provider.exchanges
    for _ in range(20):
        await replica.run_once()
        memory.clock.advance(timedelta(seconds=30))
    assert memory.provider.exchanges == before + 200


async def test_when_a_provider_seems_to_be_down():
    """So many failures in a row come at the rate, those after them one a second; a success ends that."""
    clock = LeapingClock()
    pace = Pace(Upkeep(rate=10.0), clock, asyncio.Event())

    async def gaps() -> list[float]:
        began = []
        for _ in range(IN_A_ROW + 3):
            assert await pace.turn()
            began.append(clock.monotonic())
            pace.failed()
        return [round(later - earlier, 3) for earlier, later in pairwise(began)]

    assert await gaps() == [0.1] * IN_A_ROW + [1.0] * 2
    pace.succeeded()
    assert await gaps() == [0.1] * IN_A_ROW + [1.0] * 2


async def test_whoever_is_to_begin_nothing_more_hears_it_at_once():
    """The turn that it would have had is not waited for."""
    clock = LeapingClock()
    pace = Pace(Upkeep(rate=0.01), clock, asyncio.Event())
    assert await pace.turn()
    pace.rest(timedelta(seconds=200))
    assert not await pace.turn()
    assert clock.slept == []


async def test_links_that_fail_are_nobody_elses_trouble(memory):
    """Twenty dead tenants at the head of the line cost the others a moment."""
    failing = [await memory.link(f"dead-{number}", -DAY) for number in range(20)]
    keys = [await memory.link(f"user-{number}", -HOUR) for number in range(20)]
    refresh = memory.provider.refresh
    dead = {(await memory.stored(key)).tokens.refresh_token for key in failing}

    async def refused(tokens):
        return Deferred("http_500") if tokens.refresh_token in dead else await refresh(tokens)

    memory.provider.refresh = refused
    replica = memory.replica(page=5)
    began = memory.clock.monotonic()
    for _ in range(100):
        await replica.run_once()
        memory.clock.advance(timedelta(seconds=1))
    assert await memory.versions(*keys) == [2] * 20
    assert memory.clock.monotonic() - began < 10 * 60
    assert await memory.versions(*failing) == [1] * 20


async def test_the_policys_look_ahead_comes_after(memory):
    """Upkeep is there before a caller's look-ahead would begin, whatever the key."""
    policy = RefreshPolicy()
    for number in range(100):
        await memory.link(f"user-{number}", policy.refresh_ahead)
    assert await memory.replica().run_once() != UpkeepReport()
    assert memory.provider.exchanges == 100


async def test_the_providers_limit_holds_for_upkeep_too(memory):
    """It goes through the turns that callers wait for, whatever rate it was told itself."""
    for number in range(50):
        await memory.link(f"user-{number}", -HOUR)
    memory.policy = RefreshPolicy(rate_limits={"github": RateLimit(per_second=5)})
    began = memory.clock.monotonic()
    report = await memory.replica(rate=1000.0).run_once()
    assert report == UpkeepReport(refreshed=50, behind=report.behind)
    assert memory.clock.monotonic() - began >= 49 / 5 - 0.1
