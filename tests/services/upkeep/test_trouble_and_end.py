"""What goes wrong while upkeep works, and how it ends."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import attrs
import pytest

import extauth
from extauth import (
    GrantOrigin,
    LinkKey,
    LinkUnreadable,
    RefreshPolicy,
    StoreUnavailable,
    TokenService,
    TokenSet,
    Upkeep,
    UpkeepReport,
    UpkeepService,
)
from extauth.adapters.memory import MemoryLinkStore
from extauth.events import UpkeepSwept
from extauth.services.upkeep import service, sweep
from extauth.testing import ScriptedLinkingProvider
from tests.services.upkeep.conftest import HOUR, Wrapped
from tests.support.clocks import HeldClock

MINUTE = timedelta(minutes=1)


def restarting() -> StoreUnavailable:
    """Return what a store says that is down."""
    return StoreUnavailable("the database is restarting")


def upkeep_on(scene, store, **changes) -> UpkeepService:
    """Start a replica on a store of the test's own."""
    tokens = TokenService(store, [scene.provider], clock=scene.clock)
    scene.services.append(tokens)
    return UpkeepService(
        store, [scene.provider], tokens, upkeep=Upkeep(rate=1e6, **changes), clock=scene.clock
    )


def expired(provider: ScriptedLinkingProvider, now: datetime) -> TokenSet:
    """Return an hour's tokens of which the access token has just expired."""
    return attrs.evolve(provider.tokens.grant(), issued_at=now - HOUR, expires_at=now)


async def turns(count: int = 200) -> None:
    """Let everybody go on who can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_grant_of_another_client_is_left_alone(memory, caplog):
    """For an hour, with a word in the log: somebody must look. The others are refreshed."""
    memory.provider.origin = GrantOrigin("client", "https://github.example/token")
    foreign = await memory.link("alice", -HOUR, origin=GrantOrigin("other", "https://github.example/token"))
    await memory.link("bob", -HOUR)
    replica = memory.replica()
    report = await replica.run_once()
    assert (report.refreshed, report.failed) == (1, 1)
    assert "upkeep leaves a link alone for an hour: the link of 'alice' to github" in caplog.text
    assert await replica.run_once() == UpkeepReport()
    memory.clock.advance(timedelta(minutes=61))
    assert (await replica.run_once()).failed == 1
    assert await memory.versions(foreign) == [1]


async def test_a_link_that_cannot_be_read_is_left_alone(memory):
    """It is one link's trouble, and no reason to wait for the store."""
    await memory.link("alice", -HOUR)
    await memory.link("bob", -HOUR)

    async def get(key):
        if key.user_id == "alice":
            msg = "unreadable"
            raise LinkUnreadable(msg, key=key)
        return await memory.store.get(key)

    upkeep = upkeep_on(memory, Wrapped(memory.store, get=get))
    report = await upkeep.run_once()
    assert (report.refreshed, report.failed) == (1, 1)


async def test_a_bug_that_some_links_show_stops_no_other(memory, caplog):
    """It is logged, and each of them is counted and left alone."""
    for user in ("alice", "bob", "carol"):
        await memory.link(user, -HOUR)

    async def get(key):
        if key.user_id != "bob":
            raise ZeroDivisionError
        return await memory.store.get(key)

    upkeep = upkeep_on(memory, Wrapped(memory.store, get=get))
    report = await upkeep.run_once()
    assert (report.refreshed, report.failed) == (1, 2)
    assert caplog.text.count("upkeep leaves a link of github alone for an hour") == 2
    assert await upkeep.run_once() == UpkeepReport()


async def test_as_many_are_counted_as_have_ended(memory):
    """One for each link that its user has to connect again."""
    for user in ("alice", "bob", "carol"):
        await memory.link(user, -HOUR, refresh_token=f"rt-unknown-{user}")
    assert (await memory.replica().run_once()).ended == 3


async def test_progress_is_of_all_providers_together(memory):
    """The last that is told is what the report says."""
    for provider in ("github", "gitlab"):
        await memory.link("alice", -HOUR, provider=provider)
    told: list[UpkeepReport] = []
    report = await memory.replica().run_once(progress=told.append)
    assert report.refreshed == 2
    assert told[-1] == report


async def test_nothing_is_left_alone_by_a_clock_that_has_just_begun(memory):
    """Some count from when the machine was started."""
    memory.clock._monotonic = 0.0
    await memory.link("alice", -HOUR)
    assert (await memory.replica().run_once()).refreshed == 1


async def test_only_so_many_are_left_alone(memory, monkeypatch):
    """Those beyond are tried each time, rather than taking memory; an hour later there is room again."""
    monkeypatch.setattr(sweep, "_MANY", 2)
    memory.provider.origin = GrantOrigin("client", "https://github.example/token")
    for user in ("alice", "bob", "carol"):
        await memory.link(user, -HOUR, origin=GrantOrigin("other", "https://github.example/token"))
    replica = memory.replica()
    failed = [(await replica.run_once()).failed for _ in range(2)]
    left_alone = dict(replica._sweeps[0]._left_alone)
    memory.clock.advance(HOUR)
    failed.append((await replica.run_once()).failed)
    assert failed == [3, 1, 3]
    again = replica._sweeps[0]._left_alone
    assert len(left_alone) == len(again) == 2
    assert min(again.values()) > max(left_alone.values())


@pytest.mark.parametrize("trouble", [StoreUnavailable("the store is down"), ZeroDivisionError()])
async def test_it_waits_for_longer_after_each_failure(memory, monkeypatch, trouble):
    """Until it goes well again; each pause is up to a quarter longer, so that replicas part."""
    replica = memory.replica()
    monkeypatch.setattr(replica._rng, "random", lambda: 0.5)
    failing = [True, True, True, False, True]
    pauses = []

    async def work():
        if failing[len(pauses)]:
            raise trouble
        return MINUTE

    async def wait(clock, seconds, closing):
        pauses.append(seconds)
        if len(pauses) == len(failing):
            closing.set()

    monkeypatch.setattr(service, "wait", wait)
    await replica._repeat(work)
    delays = [replica._backoff.delay(failures) for failures in (1, 2, 3)]
    assert len(set(delays)) == 3
    assert [delay.total_seconds() * 1.125 for delay in (*delays, MINUTE, delays[0])] == pauses


@pytest.mark.parametrize("method", ["due", "get", "claim", "purge_authorizations"])
async def test_a_store_that_is_down_is_told(memory, method):
    """Whoever runs it once hears that it was not all."""
    await memory.link("alice", -HOUR)

    async def down(*_, **__):
        raise restarting()

    with pytest.raises(StoreUnavailable, match="restarting"):
        await upkeep_on(memory, Wrapped(memory.store, **{method: down})).run_once()


async def test_a_store_that_is_down_is_asked_for_no_further_link(memory):
    """Neither for those that wait for a place already nor for the rest of the page."""
    for number in range(10):
        await memory.link(f"user-{number}", -HOUR)
    asked = []

    async def get(key):
        asked.append(key)
        raise restarting()

    with pytest.raises(StoreUnavailable, match="restarting"):
        await upkeep_on(memory, Wrapped(memory.store, get=get), concurrency=1).run_once()
    assert len(asked) == 1


async def test_an_error_is_raised_when_all_else_is_done(memory):
    """Whoever runs it once may end the process then: what was due at a provider has been refreshed."""
    key = await memory.link("alice", -HOUR)
    memory.provider.gate = asyncio.Event()

    async def down():
        raise restarting()

    upkeep = upkeep_on(memory, Wrapped(memory.store, purge_authorizations=down))
    running = asyncio.create_task(upkeep.run_once())
    await memory.provider.exchanging.wait()
    await turns()
    assert not running.done()
    memory.provider.gate.set()
    with pytest.raises(StoreUnavailable, match="restarting"):
        await running
    assert await memory.versions(key) == [2]


async def test_in_the_background_a_store_that_is_down_is_waited_out():
    """With longer and longer pauses; then upkeep goes on as before, and says what it did."""
    clock = HeldClock()
    store = MemoryLinkStore(now=clock.now)
    provider = ScriptedLinkingProvider("github", now=clock.now)
    down, looked = True, 0

    async def due(provider_id, by, before, **narrow):
        nonlocal looked
        looked += 1
        if down:
            raise restarting()
        return await store.due(provider_id, by, before, **narrow)

    events = []

    class Observer:
        def notify(self, event):
            events.append(event)

    await store.put(LinkKey("github", "alice"), expired(provider, clock.now()))
    wrapped = Wrapped(store, due=due)
    tokens = TokenService(wrapped, [provider], clock=clock)
    upkeep = UpkeepService(wrapped, [provider], tokens, clock=clock, observer=Observer())
    async with tokens, upkeep:
        await turns()
        begun = looked
        assert begun > 0
        pauses = []
        for _ in range(4):
            pauses.append(min(clock.asleep))
            clock.advance(timedelta(seconds=min(clock.asleep) + 0.001))
            await turns()
        assert pauses == sorted(pauses)
        assert pauses[-1] > 2 * pauses[0]
        down = False
        clock.advance(timedelta(seconds=min(clock.asleep) + 0.001))
        await turns()
        assert provider.tokens.exchanges == 1
        [swept] = [event for event in events if isinstance(event, UpkeepSwept)]
        assert (swept.provider_id, swept.refreshed) == ("github", 1)
        await store.put(LinkKey("github", "bob"), expired(provider, clock.now()))
        clock.advance(timedelta(seconds=40))
        await turns()
        assert provider.tokens.exchanges == 2


async def test_closing_finishes_what_is_under_way_and_begins_nothing_more(scene):
    """The exchange that has begun is saved; the links behind it wait for another replica."""
    keys = [await scene.link(f"user-{number}", -HOUR) for number in range(10)]
    scene.provider.gate = asyncio.Event()
    upkeep = scene.replica(concurrency=1)
    await upkeep.__aenter__()
    await scene.provider.exchanging.wait()
    closing = asyncio.create_task(upkeep.aclose())
    await turns()
    assert not closing.done()
    scene.provider.gate.set()
    await closing
    assert scene.provider.exchanges == 1
    assert sorted(await scene.versions(*keys)) == [1] * 9 + [2]
    with pytest.raises(RuntimeError, match="UpkeepService is closed"):
        await upkeep.run_once()


async def test_cancelling_leaves_nothing_half_done(scene):
    """The refresh goes on without who asked for it, and its tokens are saved."""
    key = await scene.link("alice", -HOUR)
    scene.provider.gate = asyncio.Event()
    running = asyncio.create_task(scene.replica().run_once())
    await scene.provider.exchanging.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    scene.provider.gate.set()
    await scene.services[0].aclose()
    link = await scene.stored(key)
    assert (link.version, link.pending, scene.provider.exchanges) == (2, None, 1)


async def test_a_cancelled_run_can_be_followed_by_another(memory):
    """No place stays taken, at whatever moment it is cancelled."""
    for number in range(20):
        await memory.link(f"user-{number}", -HOUR)
    replica = memory.replica(concurrency=2)
    for steps in range(30):
        running = asyncio.create_task(replica.run_once())
        await turns(steps)
        running.cancel()
        await asyncio.wait({running})
    await turns()
    await replica.run_once()
    await turns()
    assert len(set(memory.provider.presented)) == memory.provider.exchanges == 20


async def test_waiting_for_a_turn_ends_with_the_service():
    """Closing does not wait for the rate, nor for the next look."""
    clock = HeldClock()
    store = MemoryLinkStore(now=clock.now)
    provider = ScriptedLinkingProvider("github", now=clock.now)
    for number in range(5):
        tokens = expired(provider, clock.now())
        await store.put(LinkKey("github", f"user-{number}"), tokens)
    async with TokenService(store, [provider], clock=clock) as tokens:
        async with UpkeepService(store, [provider], tokens, upkeep=Upkeep(rate=0.001), clock=clock):
            await turns()
        assert provider.tokens.exchanges == 1


async def test_open_with_upkeep():
    """The application says so where it opens the store; closing is in order."""
    provider = ScriptedLinkingProvider("github")
    store = MemoryLinkStore()
    await store.put(LinkKey("github", "alice"), attrs.evolve(provider.tokens.grant(), expires_at=None))
    due = expired(provider, await store.time())
    await store.put(LinkKey("github", "bob"), due)
    async with extauth.open(store, [provider], upkeep=Upkeep(), policy=RefreshPolicy()) as auth:
        while (await store.get(LinkKey("github", "bob"))).version == 1:
            await asyncio.sleep(0)
        assert auth.tokens.uses(store)
    assert provider.tokens.exchanges == 1


async def test_once_by_hand():
    """A command that runs now and then needs no background."""
    provider = ScriptedLinkingProvider("github")
    async with extauth.open("memory://", [provider], keys="plain") as auth:
        due = expired(provider, await auth.store.time())
        await auth.store.put(LinkKey("github", "bob"), due)
        report = await auth.upkeep(Upkeep(keep_alive=False)).run_once()
        async with auth.upkeep():
            pass
    assert report == UpkeepReport(refreshed=1, behind=report.behind)


async def test_background_work_begins_once():
    """Entering twice would do everything twice."""
    providers = [ScriptedLinkingProvider("github")]
    async with extauth.open("memory://", providers, keys="plain") as auth, auth.upkeep() as upkeep:
        with pytest.raises(RuntimeError, match="in the background already"):
            await upkeep.__aenter__()


async def test_a_store_that_cannot_say_what_is_due(memory):
    """An application's own store of an earlier version is told at once what it lacks."""

    async def due(provider_id, *, expiring_before, unused_since=None, after=None, limit=100):
        raise AssertionError

    with pytest.raises(TypeError, match="the method due of Wrapped takes no `by`"):
        upkeep_on(memory, Wrapped(memory.store, due=due))


async def test_tokens_are_in_no_report_and_no_event(memory, caplog):
    """What upkeep says of a link is its key, at most."""
    await memory.store.put(
        LinkKey("github", "alice"), TokenSet("canary-at", "canary-rt", expires_at=memory.clock.now())
    )
    report = await memory.replica().run_once()
    assert "canary" not in f"{report!r} {memory.events!r} {caplog.text}"
