"""Delivering events: when again, when no more, and what leaving waits for."""

from __future__ import annotations

import asyncio
import logging
import random
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import pytest

import extauth
from extauth import LinkKey, RefreshFailure, StoreUnavailable, TokenSet
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.outbox import DeliverLater, DeliveryOptions, LinkBroken, LinkRecovered, Undeliverable, deliver
from extauth.services.outbox.options import RETRIES
from extauth.testing import ScriptedLinkingProvider

ALICE, BOB = LinkKey("app", "alice"), LinkKey("app", "bob")
TOKENS = TokenSet("at", "rt")
DOWN = StoreUnavailable("the store is down")
QUICK = DeliveryOptions(poll=timedelta(milliseconds=5))
who_asks: ContextVar[str] = ContextVar("who_asks", default="nobody")


class Calendar:
    """A clock that stands still, for the store and who delivers."""

    def __init__(self):
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self):
        return self.time

    def passes(self, span):
        self.time += span


@pytest.fixture
def calendar():
    """The one clock of a test."""
    return Calendar()


@pytest.fixture
async def store(calendar):
    """A store to which somebody listens."""
    store = MemoryLinkStore(now=calendar.now)
    await store.outbox.keep_on()
    return store


async def broken(store, key=ALICE):
    """Break a link."""
    link = await store.put(key, TOKENS)
    await store.record_failure(
        key, link.version, RefreshFailure("invalid_grant", link.updated_at, link.version)
    )


def delivering(store, handler, calendar, **more):
    """Deliver without a loop of its own: the test says when."""
    return deliver(store, handler, clock=calendar, rng=NoDraw(), **more)


class NoDraw(random.Random):
    """Spreads nothing."""

    def random(self):
        return 0.0


class Failing:
    """A handler that fails with what it is given, one after the other, and takes what comes then."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.events = []

    async def __call__(self, event):
        self.events.append(event)
        if self.errors:
            raise self.errors.pop(0)


async def test_an_event_that_is_dealt_with_is_gone(store, calendar):
    """It was told once."""
    handler = Failing()
    delivery = delivering(store, handler, calendar)
    await broken(store)
    assert await delivery.deliver_due() == 1
    assert await delivery.deliver_due() == 0
    [event] = handler.events
    assert isinstance(event, LinkBroken)
    assert (event.key, event.reason) == (ALICE, "invalid_grant")
    assert (await store.outbox.counts()).waiting == 0


async def test_an_event_that_fails_comes_again_by_the_schedule(store, calendar, caplog):
    """The very same one, until it is set aside; the log has the type of the error and not its text."""
    handler = Failing(*(ValueError("secret") for _ in range(20)))
    delivery = delivering(store, handler, calendar)
    await broken(store)
    for delay in RETRIES:
        assert await delivery.deliver_due() == 0
        calendar.passes(delay - timedelta(microseconds=1))
        assert await delivery.deliver_due() == 0
        calendar.passes(timedelta(microseconds=1))
    assert len(handler.events) == len(RETRIES)
    assert await delivery.deliver_due() == 0
    assert handler.events == [handler.events[0]] * DeliveryOptions().attempts
    [letter] = await store.outbox.dead_letters()
    assert (handler.events[0], "ValueError") == (letter.event, letter.code)
    calendar.passes(timedelta(days=30))
    assert await delivery.deliver_due() == 0
    assert len(handler.events) == DeliveryOptions().attempts
    assert caplog.messages[0] == "link.broken of a app link is delivered again in 0:00:05: ValueError"
    assert caplog.messages[-1] == "link.broken of a app link was set aside: ValueError"
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 300.0), (0.5, 315.0)])
def test_the_next_attempts_of_many_events_are_spread(draw, seconds):
    """By up to a tenth, and never sooner."""
    assert DeliveryOptions().retry_after(2, draw) == timedelta(seconds=seconds)


async def test_a_handler_may_say_when_to_try_again(store, calendar):
    """Not before that, and not before the schedule's time."""
    handler = Failing(
        DeliverLater("http_429", after=timedelta(hours=1)),
        DeliverLater("http_503", after=timedelta(seconds=1)),
    )
    delivery = delivering(store, handler, calendar)
    await broken(store)
    await delivery.deliver_due()
    for span in (timedelta(hours=1), RETRIES[1]):
        calendar.passes(span - timedelta(microseconds=1))
        assert await delivery.deliver_due() == 0
        calendar.passes(timedelta(microseconds=1))
        await delivery.deliver_due()
    assert len(handler.events) == 3
    assert (await store.outbox.counts()).waiting == 0


async def test_a_handler_may_say_that_it_never_will(store, calendar):
    """Set aside at once, and the link's next event gets its turn."""
    handler = Failing(Undeliverable("gone"))
    delivery = delivering(store, handler, calendar)
    await broken(store)
    await store.lift_failure("app")
    assert await delivery.deliver_due() == 0
    assert await delivery.deliver_due() == 1
    assert [LinkBroken, LinkRecovered] == [type(event) for event in handler.events]
    assert [(letter.code, letter.attempts) for letter in await store.outbox.dead_letters()] == [("gone", 1)]


@pytest.mark.parametrize(("error", "dead"), [(DeliverLater, 0), (Undeliverable, 1)])
async def test_a_code_that_says_nothing_is_no_success(store, calendar, error, dead):
    """Such as the text of an error without one."""
    delivery = delivering(store, Failing(error(str(TimeoutError()))), calendar)
    await broken(store)
    assert await delivery.deliver_due() == 0
    counts = await store.outbox.counts()
    assert (counts.waiting, counts.dead) == (1 - dead, dead)


@pytest.mark.parametrize(
    "made",
    [
        lambda: DeliverLater(ValueError("x")),  # type: ignore[arg-type]
        lambda: DeliverLater("a\0b"),
        lambda: DeliverLater("busy", after=5),  # type: ignore[arg-type]
        lambda: DeliverLater("busy", after=-timedelta(seconds=1)),
        lambda: DeliverLater("busy", after=timedelta.max),
        lambda: Undeliverable(None),  # type: ignore[arg-type]
    ],
)
async def test_what_a_handler_cannot_say(store, calendar, made):
    """It is a failure like any other: no event is lost by it, and none delivered again and again."""
    calls = []

    async def handler(event):
        calls.append(event)
        raise made()

    delivery = delivering(store, handler, calendar)
    await broken(store)
    assert await delivery.deliver_due() == 0
    calendar.passes(RETRIES[0] - timedelta(seconds=1))
    assert await delivery.deliver_due() == 0
    assert (len(calls), (await store.outbox.counts()).waiting) == (1, 1)


async def test_a_handler_that_is_no_async_function(store, calendar, caplog):
    """It has done what it does: it is not called again and again. The event is kept to be seen."""
    calls = []
    delivery = delivering(store, calls.append, calendar)
    await broken(store)
    for _ in range(3):
        assert await delivery.deliver_due() == 0
        calendar.passes(RETRIES[-1])
    [letter] = await store.outbox.dead_letters()
    assert (calls, letter.code) == ([letter.event], "handler_not_async")
    assert caplog.messages == ["link.broken of a app link was set aside: handler_not_async"]


async def test_an_event_that_kills_its_replica_is_set_aside(store, calendar):
    """After as many attempts as any other, without another one."""
    await broken(store)
    for _ in range(DeliveryOptions().attempts):
        await store.outbox.claim("killed", timedelta(seconds=1), limit=1)
        calendar.passes(timedelta(seconds=1))
    handler = Failing()
    assert await delivering(store, handler, calendar).deliver_due() == 0
    assert (handler.events, ["crashed"]) == ([], [each.code for each in await store.outbox.dead_letters()])


async def test_a_handler_that_takes_too_long_is_ended(store, calendar):
    """And its event comes again; that of another link is not held up."""
    ended = []

    async def handler(event):
        try:
            if event.key == ALICE:
                await asyncio.Event().wait()
        finally:
            ended.append(event.key)

    options = DeliveryOptions(timeout=timedelta(milliseconds=1))
    await broken(store)
    await broken(store, BOB)
    assert await delivering(store, handler, calendar, options=options).deliver_due() == 1
    assert {ALICE, BOB} == set(ended)
    calendar.passes(RETRIES[0])
    [again] = await store.outbox.claim("me", timedelta(seconds=1), limit=9)
    assert (again.event.key, again.attempt) == (ALICE, 2)


async def test_a_cancellation_of_the_handlers_own_is_a_failure(store, calendar, caplog):
    """Of what it has awaited; nobody else is cancelled by it."""

    async def handler(event):
        raise asyncio.CancelledError

    await broken(store)
    assert await delivering(store, handler, calendar).deliver_due() == 0
    assert caplog.messages[-1].endswith(": CancelledError")
    calendar.passes(RETRIES[0])
    assert len(await store.outbox.claim("me", timedelta(seconds=1), limit=9)) == 1


class Counting:
    """An outbox, or what looks for ends, which counts how often it was called."""

    def __init__(self):
        self.calls = 0

    async def keep_on(self):
        self.calls += 1

    async def run(self, now):
        self.calls += 1


async def test_what_else_is_to_be_done_now_and_then(store, calendar):
    """Telling the store that somebody listens, each hour, and looking for ends, as often as the options say.
    Both at once where the clock was set back: it may not come to that time again for years."""
    options = DeliveryOptions(look_every=timedelta(hours=2))
    delivery = delivering(store, Failing(), calendar, options=options)
    told, looked = Counting(), Counting()
    delivery._outbox, delivery._scan = told, looked
    hour, instant = timedelta(hours=1), timedelta(microseconds=1)
    done = []
    for span in (0 * hour, 0 * hour, hour - instant, instant, hour - instant, instant, -instant):
        calendar.passes(span)
        await delivery._look_after()
        done.append((told.calls, looked.calls))
    assert done == [(1, 1), (1, 1), (1, 1), (2, 1), (2, 1), (3, 2), (4, 3)]


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 1.0), (0.5, 2.0), (0.75, 2.5)])
async def test_replicas_do_not_look_in_step(store, calendar, monkeypatch, drawn, seconds):
    """Each waits for up to half as long more or less, as the dice have it."""
    waits = []
    timeout = asyncio.timeout

    def at_once(delay):
        waits.append(delay)
        return timeout(0)

    delivery = delivering(store, Failing(), calendar, options=DeliveryOptions(poll=timedelta(seconds=2)))
    monkeypatch.setattr(delivery._rng, "random", lambda: drawn)
    monkeypatch.setattr(asyncio, "timeout", at_once)
    await delivery._pause()
    assert waits == [seconds]


async def test_leaving_waits_for_what_is_under_way():
    """Also when cancelled meanwhile; nothing new begins."""
    store = MemoryLinkStore()
    begun, go_on, told = asyncio.Event(), asyncio.Event(), []

    async def handler(event):
        begun.set()
        await go_on.wait()
        told.append(event.key)

    async def application():
        async with deliver(store, handler, options=QUICK):
            await broken(store)
            await begun.wait()

    running = asyncio.create_task(application())
    await begun.wait()
    await asyncio.sleep(0)
    await broken(store, BOB)
    running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert told == [ALICE]
    assert (await store.outbox.counts()).waiting == 1


async def test_a_store_that_is_down_is_waited_for(caplog, monkeypatch):
    """And one with a bug, with a pause after each; then events go on."""
    store = MemoryLinkStore()
    told, failures = asyncio.Event(), [DOWN, ZeroDivisionError()]

    class Down:
        """An outbox that fails at first."""

        def __init__(self):
            self.outbox = self

        async def claim(self, owner, ttl, *, limit):
            if failures:
                raise failures.pop(0)
            return await store.outbox.claim(owner, ttl, limit=limit)

        def __getattr__(self, name):
            return getattr(store.outbox, name)

    async def handler(event):
        told.set()

    delivery = deliver(Down(), handler, options=QUICK)
    pauses, pause = [], delivery._pause

    async def counted():
        pauses.append(len(failures))
        await pause()

    monkeypatch.setattr(delivery, "_pause", counted)
    async with delivery:
        await broken(store)
        await told.wait()
    assert pauses[:2] == [1, 0]
    assert caplog.messages == ["link events wait: the store is down", "link events wait: ZeroDivisionError"]
    assert caplog.records[0].levelno == logging.WARNING


async def test_an_acknowledgement_that_fails_leaves_the_others_alone(calendar):
    """The others of the same batch are carried to their end before the trouble is told."""
    store = MemoryLinkStore(now=calendar.now)
    await store.outbox.keep_on()
    for key in (ALICE, BOB):
        await broken(store, key)

    class Forgetful:
        """An outbox that cannot note the first."""

        def __init__(self):
            self.outbox = self
            self.first = True
            self.noted = []

        async def acknowledge(self, number, owner):
            if self.first:
                self.first = False
                raise DOWN
            for _ in range(9):
                await asyncio.sleep(0)
            self.noted.append(await store.outbox.acknowledge(number, owner))
            return self.noted[-1]

        def __getattr__(self, name):
            return getattr(store.outbox, name)

    handler = Failing()
    forgetful = Forgetful()
    with pytest.raises(StoreUnavailable):
        await delivering(forgetful, handler, calendar).deliver_due()
    assert forgetful.noted == [True]
    assert len(handler.events) == 2
    assert (await store.outbox.counts()).waiting == 1


async def test_listening_is_said_again(calendar):
    """Every hour, so that it goes on for as long as somebody does, also if the clock is set back."""
    store = MemoryLinkStore()
    looks = 0
    claimed = asyncio.Event()

    class Counting:
        """An outbox that counts how often it is asked to go on."""

        def __init__(self):
            self.outbox = self

        async def keep_on(self):
            nonlocal looks
            looks += 1
            await store.outbox.keep_on()

        async def claim(self, owner, ttl, *, limit):
            claimed.set()
            return await store.outbox.claim(owner, ttl, limit=limit)

        def __getattr__(self, name):
            return getattr(store.outbox, name)

    async def handler(event):
        """Take it."""

    async def until(number):
        while looks < number:
            await asyncio.sleep(0)

    async with deliver(Counting(), handler, clock=calendar, options=QUICK):
        await claimed.wait()
        assert looks == 1
        calendar.passes(timedelta(hours=1))
        await until(2)
        calendar.passes(-timedelta(seconds=1))
        await until(3)


async def test_a_handler_has_nobodys_context(store):
    """Not that of whoever was served when the delivery began."""
    told = asyncio.get_running_loop().create_future()

    async def handler(event):
        told.set_result(who_asks.get())

    who_asks.set("alice")
    async with deliver(store, handler, options=QUICK):
        await broken(store)
        assert await told == "nobody"


async def test_what_cannot_deliver():
    """It is told when it is made, or entered again."""

    async def handler(event):
        """Take it."""

    class Without:
        """A store of the application's own."""

    with pytest.raises(TypeError, match="outbox"):
        deliver(Without(), handler)
    with pytest.raises(TypeError, match="outbox"):
        deliver(MemoryLinkStore, handler)
    with pytest.raises(TypeError, match="an async function"):
        deliver(MemoryLinkStore(), None)
    delivery = deliver(MemoryLinkStore(), handler)
    async with delivery:
        pass
    with pytest.raises(RuntimeError, match="before"):
        await delivery.__aenter__()
    for wrong in (
        {"timeout": timedelta(0)},
        {"poll": -timedelta(seconds=1)},
        {"retries": [timedelta(0)]},
        {"at_once": 0},
        {"lease": timedelta(0)},
        {"ahead": timedelta(0)},
        {"look_every": timedelta(0)},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            DeliveryOptions(**wrong)


async def test_one_whose_task_was_cancelled_can_be_left():
    """By who cancels every task there is."""

    async def handler(event):
        """Take it."""

    async with deliver(MemoryLinkStore(), handler, options=QUICK):
        await asyncio.sleep(0)
        [task] = [task for task in asyncio.all_tasks() if task.get_name() == "extauth link events"]
        task.cancel()


async def test_events_are_delivered_in_the_name_of_the_delivery():
    """Where each call needs an actor who may: whoever opened it need be nobody."""
    store, told = MemoryLinkStore(), asyncio.Queue()
    provider = ScriptedLinkingProvider("app")
    opening = extauth.open(store, [provider], access=extauth.AccessPolicy(), on_link_event=told.put)
    async with opening:
        await broken(store)
        assert isinstance(await told.get(), LinkBroken)


@pytest.mark.parametrize("encrypts", [False, True])
async def test_at_the_front_door(encrypts):
    """One keyword; leaving it finishes the delivery first."""
    store, told = MemoryLinkStore(), asyncio.Queue()
    if encrypts:
        store = EncryptedStore(store, EncryptionKey.generate("test"))
    provider = ScriptedLinkingProvider("app")
    async with extauth.open(store, [provider], on_link_event=told.put) as auth:
        await broken(auth.store)
        await auth.store.lift_failure("app")
        assert isinstance(await told.get(), LinkBroken)
        assert isinstance(await told.get(), LinkRecovered)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "extauth link events"] == []
