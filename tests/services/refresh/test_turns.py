"""Turns at a provider: who waits, in which order, and what is left behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkKey, ProviderUnavailable, RateLimit
from extauth.domain.outcomes import Deferred, Exchanged, NotSent
from extauth.domain.provider_trouble import ONE_CAUSE
from extauth.domain.request_rate import FIRST_WINDOW, RequestRate
from extauth.domain.token_set import TokenSet
from extauth.services.refresh.turns import Turns, _Line
from tests.support.orderly_clock import OrderlyClock

ONE_A_SECOND = RateLimit(per_second=1)
SERVED = Exchanged(TokenSet("at"))
EXPIRED = 0.0


class Line:
    """One provider's line, and in which order links got their turns."""

    def __init__(self) -> None:
        self.clock = OrderlyClock()
        self.turns = Turns(self.clock)
        self.got: list[tuple[str, float]] = []
        self.began = self.clock.monotonic()

    async def take(
        self,
        user: str,
        limit: RateLimit | None = ONE_A_SECOND,
        *,
        patience: float = 60.0,
        works_for: float = EXPIRED,
    ) -> None:
        until = self.clock.monotonic() + patience
        await self.turns.take("crm", limit, LinkKey("crm", user), patience=until, works_for=lambda: works_for)
        self.got.append((user, round(self.clock.monotonic() - self.began, 2)))

    def end(self, user: str, outcome: Any = None) -> None:
        """Send and be answered, or end the turn with nothing sent."""
        key = LinkKey("crm", user)
        if outcome is not None:
            self.turns.sent("crm", key)
            self.turns.answered("crm", key, outcome)
        self.turns.give_back("crm", key)

    def refuse(self, user: str, seconds: float, *, of_rate: bool = True) -> timedelta:
        key = LinkKey("crm", user)
        self.turns.sent("crm", key)
        self.turns.answered("crm", key, Deferred("http_429", timedelta(seconds=seconds)))
        wait = self.turns.refused("crm", key, timedelta(seconds=seconds), of_rate=of_rate)
        self.turns.give_back("crm", key)
        return wait

    async def told(self, user: str, *limit: RateLimit, **options: Any) -> float:
        """Return how long the user is told to wait."""
        with pytest.raises(ProviderUnavailable) as caught:
            await self.take(user, *limit, **options)
        assert caught.value.retry_after is not None
        return round(caught.value.retry_after.total_seconds(), 2)

    async def served_at_once(self, *users: str, limit: RateLimit | None = ONE_A_SECOND) -> None:
        """Let each in turn be served."""
        for user in users:
            await self.clock.run(self.take(user, limit))
            self.end(user, SERVED)


def waiting(line: Line, *users: str, **options: Any) -> list[asyncio.Task[None]]:
    """Let them ask, in this order."""
    return [asyncio.ensure_future(line.take(user, **options)) for user in users]


async def test_first_come_first_served():
    """Evenly spaced, as told."""
    line = Line()
    tasks = waiting(line, "a", "b", "c")
    await line.clock.run(asyncio.gather(*tasks))
    assert line.got == [("a", 0.0), ("b", 0.95), ("c", 1.95)]


async def test_who_still_has_a_token_lets_others_go_first():
    """Until it expires; then it has waited the longest."""
    line = Line()
    early = waiting(line, "now", "early", "soon", works_for=100.0)
    del early[2:]
    soon = waiting(line, "sooner", works_for=1.5)
    expired = waiting(line, "x", "y", "z")
    await line.clock.run(asyncio.gather(*soon, *expired))
    assert [user for user, _ in line.got] == ["now", "x", "sooner", "y", "z"]
    await line.clock.run(asyncio.gather(*early))


async def test_a_turn_that_was_not_used_is_the_next_ones():
    """Another replica had refreshed the link: nothing was sent, so nobody waits for it."""
    line = Line()
    await line.clock.run(line.take("a"))
    [task] = waiting(line, "b")
    await asyncio.sleep(0)
    line.end("a")
    await line.clock.run(task)
    assert line.got == [("a", 0.0), ("b", 0.0)]


async def test_who_is_cancelled_leaves_nothing_behind():
    """The next one goes in its place."""
    line = Line()
    tasks = waiting(line, "a", "b", "c")
    await asyncio.sleep(0)
    tasks[1].cancel()
    await line.clock.run(asyncio.gather(*tasks, return_exceptions=True))
    assert line.got == [("a", 0.0), ("c", 0.95)]


async def test_nor_who_is_cancelled_in_the_moment_of_its_turn():
    """It had the turn, and has not used it."""
    line = Line()
    limit = RateLimit(concurrent=1)
    await line.take("a", limit)
    [b, c] = waiting(line, "b", "c", limit=limit)
    await asyncio.sleep(0)
    line.end("a", SERVED)
    while b.get_name() and LinkKey("crm", "b") not in line.turns._lines["crm"].under_way:
        await asyncio.sleep(0)
    b.cancel()
    await line.clock.run(asyncio.gather(b, c, return_exceptions=True))
    assert [user for user, _ in line.got] == ["a", "c"]


async def test_who_would_wait_too_long_is_sent_away_at_once():
    """Each is told when its own turn will come, and the same again if it asks again."""
    line = Line()
    tasks = waiting(line, *"abcde", patience=4.5)
    await asyncio.sleep(0)
    assert [await line.told(user, patience=2.0) for user in "vwxv"] == [4.95, 5.95, 6.95, 4.95]
    await line.clock.run(asyncio.gather(*tasks))


async def test_who_has_its_turn_in_time_waits():
    """It is reckoned with the speed, and with all who wait before it."""
    line = Line()
    limit = RateLimit(per_second=2)
    tasks = waiting(line, *"abcd", limit=limit)
    await asyncio.sleep(0)
    tasks += waiting(line, "e", limit=limit, patience=2.0)
    await line.clock.run(asyncio.gather(*tasks))
    assert line.got[-1] == ("e", 1.95)


@pytest.mark.parametrize(("before", "due"), [(0, False), (1, False), (0, True)])
async def test_who_has_its_turn_just_when_its_patience_ends_does_not_wait_in_vain(before, due):
    """It would be sent away then, also if it was told to come back by now; so it hears it at once."""
    line = Line()
    await line.served_at_once("a")
    if due:
        await line.clock.run(line.clock.sleep(await line.told("late", patience=0.1)))
        await line.served_at_once("b")
    tasks = waiting(line, *"xy"[:before])
    await asyncio.sleep(0)
    now = line.clock.monotonic()
    turn = line.turns._lines["crm"].next_at + before
    assert await line.told("late", patience=turn - now) > 0
    assert line.clock.monotonic() == now
    await line.clock.run(asyncio.gather(*tasks))


async def test_who_was_sent_away_keeps_its_place():
    """It is let in when it is due, however many wait, and goes before those who came later."""
    line = Line()
    tasks = waiting(line, *"abc")
    await asyncio.sleep(0)
    wait = await line.told("sent-away", patience=1.0)
    await line.clock.run(line.clock.sleep(wait))
    later = waiting(line, *"xyz")
    await asyncio.sleep(0)
    [back] = waiting(line, "sent-away", patience=1.5)
    await line.clock.run(asyncio.gather(back, *tasks, *later))
    users = [user for user, _ in line.got]
    assert users.index("sent-away") < users.index("y")


async def test_patience_ends_in_the_line():
    """A pause that nobody could know of: who waits in vain is told when to come back."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    [task] = waiting(line, "waits", limit=None, patience=5.0)
    await asyncio.sleep(0)
    line.refuse("a", 30.0)
    with pytest.raises(ProviderUnavailable) as caught:
        await line.clock.run(task)
    assert caught.value.retry_after == timedelta(seconds=30)


async def test_nobody_is_sent_away_for_a_guess():
    """The first refusal says little of the speed, and least if the machine was busy: all go on waiting."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    tasks = waiting(line, *(f"user-{number}" for number in range(50)), limit=None, patience=20.0)
    await asyncio.sleep(0)
    await line.clock.run(line.clock.sleep(0.9))
    line.end("a", SERVED)
    line.refuse("b", 1.0)
    assert line.turns._lines["crm"].rate.per_second(line.clock.monotonic()) < 1
    await asyncio.sleep(0)
    assert [task.done() for task in tasks].count(True) <= 1
    line.turns.hurry()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_nor_told_a_time_by_a_guess():
    """Who comes in a pause is told when by the speed that any provider has, not by a slow machine's."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    tasks = waiting(line, *(f"user-{number}" for number in range(50)), limit=None, patience=60.0)
    await asyncio.sleep(0)
    await line.clock.run(line.clock.sleep(0.9))
    line.end("a", SERVED)
    line.refuse("b", 1.0)
    assert line.turns._lines["crm"].rate.per_second(line.clock.monotonic()) < 1
    told = line.turns.come_back_after("crm", LinkKey("crm", "late")).total_seconds()
    assert told == pytest.approx(1 + len(line.turns._lines["crm"].places) / FIRST_WINDOW)
    line.turns.hurry()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_speed_that_was_too_low_holds_up_nobody_who_comes_later():
    """What some were told at a tenth of the speed, others need not wait behind."""
    line = Line()
    limit = RateLimit(per_second=0.1)
    await line.take("first", limit)
    assert await line.told("a", limit, patience=1.0) == 9.95
    assert await line.told("b", limit, patience=1.0) == 19.95
    faster = RateLimit(per_second=10)
    assert await line.told("c", faster, patience=1.0) == 10.15
    assert await line.told("d", faster, patience=1.0) == 10.25
    assert await line.told("b", faster, patience=1.0) == 19.95


async def test_who_was_served_early_is_waited_for_by_nobody():
    """The turn that it was promised is another's."""
    line = Line()
    await line.take("first")
    assert [await line.told(user, patience=0.5) for user in "abc"] == [0.95, 1.95, 2.95]
    line.end("first", SERVED)
    await line.clock.run(line.clock.sleep(0.95))
    await line.served_at_once("b")
    assert await line.told("d", patience=0.5) == 2.0


NOW = 1000.0


@pytest.mark.parametrize(
    ("told", "learned", "speed"), [(None, None, None), (9, None, 9), (None, 2, 2), (9, 2, 2), (1, 2, 1)]
)
def test_of_what_was_told_and_what_was_learned_the_slower_counts(told, learned, speed):
    """An application may allow itself more than the provider takes, or less."""
    limit = RateLimit(per_second=told)
    line = _Line(limit, RequestRate(refused_at=learned, resumes=NOW - 5.0, climb=5.0))
    assert line.per_second(NOW) == speed


@pytest.mark.parametrize(
    ("rate", "first"),
    [
        (RequestRate(), (NOW, FIRST_WINDOW)),
        (RequestRate(refused_at=2.0, guessed=True, resumes=NOW), (NOW, FIRST_WINDOW)),
        (RequestRate(refused_at=50.0, guessed=True, resumes=NOW), (NOW, 50.0)),
        (RequestRate(refused_at=2.0, resumes=NOW + 7), (NOW + 7, FIRST_WINDOW)),
        (RequestRate(refused_at=2.0, resumes=NOW + 7, sample=10), (NOW + 7, 1.8)),
        (RequestRate(since=NOW - 2, served=40), (NOW, 20.0)),
    ],
    ids=["nothing", "a low guess", "a high guess", "chance", "known", "served"],
)
def test_what_somebody_is_told_a_time_by(rate, first):
    """The speed that is known; else the fastest of what may be, so that nobody comes later than need be."""
    assert _Line(rate=rate).first_turn(NOW) == first


async def test_nobody_is_told_a_time_that_is_past():
    """However long ago the last turn was: what waits is held up by one that is under way."""
    line = Line()
    limit = RateLimit(concurrent=1)
    await line.take("a", limit)
    [b] = waiting(line, "b", limit=limit, patience=5.0)
    with pytest.raises(ProviderUnavailable) as caught:
        await line.clock.run(b)
    assert caught.value.retry_after == timedelta(0)


async def test_a_short_pause_is_waited_for():
    """Nothing goes before it is over, and then one alone, to see."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    tasks = waiting(line, "x", "y", limit=None)
    await asyncio.sleep(0)
    assert line.refuse("a", 2.0) == timedelta(seconds=2)
    await line.clock.run(tasks[0])
    assert line.got[-1] == ("x", 2.0)
    await line.clock.run(line.clock.sleep(0.5))
    assert line.got[-1] == ("x", 2.0)
    line.end("x", SERVED)
    await line.clock.run(tasks[1])
    assert line.got[-1] == ("y", 2.5)


@pytest.mark.parametrize(
    ("limit", "patience", "waits"),
    [
        (RateLimit(per_second=2), 3.2, "xyz"),
        (RateLimit(per_second=2), 3.0, "xy"),
        (None, 2.4, "xyzw"),
        (None, 2.0, ""),
    ],
)
async def test_a_pause_sends_away_at_once_who_would_wait_in_vain(limit, patience, waits):
    """That is, where the speed is known; where it is not, only those whose patience ends before the pause."""
    line = Line()
    for user in "abcdef"[: 1 if limit else 6]:
        await line.take(user, limit)
    tasks = waiting(line, *"xyzw", limit=limit, patience=patience)
    tasks += waiting(line, "hasty", limit=limit, patience=1.9)
    await asyncio.sleep(0)
    line.refuse("a", 2.0)
    await asyncio.sleep(0)
    assert ["xyzw"[number] for number, task in enumerate(tasks[:4]) if not task.done()] == list(waits)
    assert isinstance(tasks[-1].exception(), ProviderUnavailable)
    line.turns.hurry()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_refusal_of_what_was_sent_before_the_pause_says_nothing_new():
    """It may come after the pause; then there is another one, and nothing is learned of it."""
    line = Line()
    for user in "ab":
        await line.take(user, None)
        line.turns.sent("crm", LinkKey("crm", user))
    await line.clock.run(line.clock.sleep(1.0))
    line.refuse("a", 2.0)
    before = line.turns._lines["crm"].rate
    await line.clock.run(line.clock.sleep(3.0))
    line.turns.refused("crm", LinkKey("crm", "b"), timedelta(seconds=4), of_rate=True)
    after = line.turns._lines["crm"].rate
    assert after == attrs.evolve(before, resumes=line.clock.monotonic() + 4)


@pytest.mark.parametrize("of_rate", [True, False])
async def test_an_outage_says_nothing_of_the_speed(of_rate):
    """Only who says that there are too many requests does; an outage is one link's word, too."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    tasks = waiting(line, *"xyz", limit=None)
    await asyncio.sleep(0)
    line.end("a", SERVED)
    await line.clock.run(line.clock.sleep(0.5))
    line.refuse("b", 2.0, of_rate=of_rate)
    assert (line.turns._lines["crm"].rate.refused_at is not None) == of_rate
    assert line.turns.speaks_for_all("crm", LinkKey("crm", "c")) == of_rate
    line.turns.hurry()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_links_that_are_refused_speak_for_the_provider():
    """One alone may be about itself, and two that are far apart are two matters."""
    line = Line()
    a, b = LinkKey("crm", "a"), LinkKey("crm", "b")
    assert not line.turns.speaks_for_all("crm", b)
    await line.take("a", None)
    assert not line.turns.speaks_for_all("crm", b)
    line.refuse("a", 1.0)
    assert not line.turns.speaks_for_all("crm", a)
    assert line.turns.speaks_for_all("crm", b)
    assert not line.turns.speaks_for_all("other", b)
    await line.clock.run(line.clock.sleep(ONE_CAUSE.total_seconds()))
    assert not line.turns.speaks_for_all("crm", b)


async def test_a_line_is_crowded_where_a_refresh_would_wait():
    """For others, or for its time; then a token that still works is handed out as it is."""
    line = Line()
    limit = RateLimit(concurrent=1)
    assert not line.turns.crowded("crm")
    await line.take("a", limit)
    assert line.turns.crowded("crm")
    [b] = waiting(line, "b", limit=limit)
    await asyncio.sleep(0)
    line.end("a", SERVED)
    assert line.turns.crowded("crm"), "it is b's turn, who does not know it yet"
    await line.clock.run(b)
    line.refuse("b", 2.0)
    assert line.turns.crowded("crm")
    await line.clock.run(line.clock.sleep(2.0))
    assert not line.turns.crowded("crm")


@pytest.mark.parametrize(
    ("outcomes", "window"),
    [
        ([SERVED], FIRST_WINDOW + 0.5),
        ([SERVED, SERVED], FIRST_WINDOW + 0.5),
        ([NotSent("connect_failed")], FIRST_WINDOW),
        ([NotSent("connect_failed"), SERVED], FIRST_WINDOW + 0.5),
    ],
    ids=["full", "full no more", "nothing sent", "all but full"],
)
async def test_more_may_be_under_way_once_that_is_what_others_wait_for(outcomes, window):
    """With each answer, as long as the window is full, or all but full."""
    line = Line()
    for user in "abcdef":
        await line.take(user, None)
    tasks = waiting(line, "x", "y", limit=None)
    await asyncio.sleep(0)
    for user, outcome in zip("abcdef", outcomes, strict=False):
        line.end(user, outcome)
    assert line.turns._lines["crm"].rate.window == window
    line.turns.hurry()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_no_more_may_where_they_wait_for_something_else():
    """As for the speed that the application allows itself."""
    line = Line()
    await line.take("a")
    tasks = waiting(line, "x")
    await asyncio.sleep(0)
    line.end("a", SERVED)
    assert line.turns._lines["crm"].rate.window == FIRST_WINDOW
    await line.clock.run(asyncio.gather(*tasks))


async def test_what_hangs_holds_up_nobody_for_long():
    """A tenant whose server does not answer: after a second others go."""
    line = Line()
    hanging = [f"hangs-{number}" for number in range(int(FIRST_WINDOW))]
    for user in hanging:
        await line.take(user, None)
    await line.clock.run(line.take("other", None))
    assert line.got[-1] == ("other", 1.0)


async def test_what_could_not_be_sent_says_nothing_of_the_speed():
    """Only what was processed counts."""
    line = Line()
    await line.served_at_once("a", "b", limit=None)
    for user in "cdef":
        await line.take(user, None)
        line.end(user, NotSent("connect_failed"))
    for user in "ghijkl":
        await line.take(user, None)
    [task] = waiting(line, "waits", limit=None)
    await asyncio.sleep(0)
    line.end("g", SERVED)
    line.end("h", NotSent("connect_failed"))
    line.end("i", Deferred("http_429", timedelta(seconds=1)))
    assert line.turns._lines["crm"].rate.served == 1
    await line.clock.run(task)


async def test_a_crowd_at_a_provider_without_a_limit_is_not_held_up():
    """No time passes as long as answers come."""
    line = Line()

    async def one(user: str) -> None:
        await line.take(user, None)
        await asyncio.sleep(0)
        line.end(user, SERVED)

    await line.clock.run(asyncio.gather(*(one(f"user-{number}") for number in range(500))))
    assert {at for _, at in line.got} == {0.0}
    assert len(line.got) == 500


async def test_without_a_limit_who_is_sent_away_is_told_by_what_was_served():
    """A provider that is slow, or a machine: the line moves as fast as it has moved."""
    line = Line()
    users = [f"user-{number}" for number in range(300)]

    async def slow(user: str) -> None:
        await line.take(user, None, patience=1.4)
        await line.clock.sleep(0.3)
        line.end(user, SERVED)

    outcomes = await line.clock.run(asyncio.gather(*map(slow, users), return_exceptions=True))
    told = [outcome.retry_after for outcome in outcomes if isinstance(outcome, ProviderUnavailable)]
    went_in_time = len(users) - len(told)
    assert 50 < went_in_time < 200
    assert max(told).total_seconds() < 2 * len(told) / (went_in_time / 1.4)


async def test_nobody_waits_once_the_process_is_about_to_end():
    """Neither those who do, nor those who would."""
    line = Line()
    tasks = waiting(line, *"abc")
    await asyncio.sleep(0)
    line.turns.hurry()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType"] + ["ProviderUnavailable"] * 2
    with pytest.raises(ProviderUnavailable):
        await line.take("d")


async def test_the_line_ends_with_its_task():
    """If something ends the task that serves it, nobody is left hanging."""
    line = Line()
    tasks = waiting(line, *"abc")
    await asyncio.sleep(0)
    serving = line.turns._lines["crm"].server
    assert serving is not None
    serving.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType"] + ["ProviderUnavailable"] * 2
    await line.clock.run(line.take("d"))
    assert line.got[-1] == ("d", 0.95)


async def test_places_of_those_who_never_come_back_are_forgotten():
    """An hour after they were due."""
    line = Line()
    await line.take("a")
    line.refuse("a", 100.0)
    for number in range(1500):
        await line.told(f"user-{number}")
    await line.clock.run(line.clock.sleep(3600.0 + 1700.0))
    line.turns._lines["crm"].rate = type(line.turns._lines["crm"].rate)(resumes=line.clock.monotonic() + 100)
    for number in range(1500):
        await line.told(f"other-{number}")
    assert len(line.turns._lines["crm"].places._kept) < 2000
