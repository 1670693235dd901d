"""How fast requests may go to a provider: what is learned of its answers."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Any

import attrs
import pytest

from extauth.domain.request_rate import FIRST_WINDOW, RequestRate


class Bucket:
    """A provider that takes so many a second, and as many as it holds at once."""

    def __init__(self, per_second: float, holds: float) -> None:
        self.per_second, self.holds = per_second, holds
        self._left, self._at = holds, 0.0

    def refused(self, now: float) -> int | None:
        """Return for how long to wait, or None if the request is served."""
        self._left = min(self.holds, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return None
        return math.ceil((1 - self._left) / self.per_second)

    def allowed(self, seconds: float) -> float:
        return self.holds + self.per_second * seconds


class Window:
    """A provider that takes so many in each span."""

    def __init__(self, most: int, span: int) -> None:
        self.most, self.span = most, span
        self._number, self._taken = 0, 0

    def refused(self, now: float) -> int | None:
        number = int(now // self.span)
        if number != self._number:
            self._number, self._taken = number, 0
        self._taken += 1
        return None if self._taken <= self.most else math.ceil((number + 1) * self.span - now)

    def allowed(self, seconds: float) -> float:
        return self.most * math.ceil(seconds / self.span)


class Replica:
    """Sends whatever it may, for a crowd that never ends."""

    def __init__(self) -> None:
        self.rate = RequestRate().crowded(0.0)
        self.under_way = 0
        self.next_at = 0.0
        self.woken_at = 0.0
        self.served = self.refused = 0

    def may_send(self, now: float) -> float | None:
        """Return when the next may go, or None if that depends on an answer."""
        if self.rate.resumes > now:
            return self.rate.resumes
        return None if self.under_way >= self.rate.under_way() else max(now, self.next_at)


def crowd(provider: Bucket | Window, seconds: float, *, replicas: int = 1, latency: float = 0.03):
    """Let replicas ask as fast as they may; returns them."""
    everybody = [Replica() for _ in range(replicas)]
    numbers = itertools.count()
    agenda: list[Any] = [(0.0, next(numbers), replica, None) for replica in everybody]
    while agenda[0][0] < seconds:
        now, _, replica, asked = heapq.heappop(agenda)
        if asked is not None:
            sent, wait = asked
            replica.under_way -= 1
            if wait is None:
                replica.served += 1
                replica.rate = replica.rate.after_answer(sent, crowded=True)
            else:
                replica.refused += 1
                replica.rate = replica.rate.after_refusal(sent, now, wait, crowded=True)
        while (at := replica.may_send(now)) == now:
            replica.under_way += 1
            speed = replica.rate.per_second(now)
            replica.next_at = 0.0 if speed is None else now + 1 / speed
            heapq.heappush(agenda, (now + latency, next(numbers), replica, (now, provider.refused(now))))
        if at is not None and not now < replica.woken_at <= at:
            replica.woken_at = at
            heapq.heappush(agenda, (at, next(numbers), replica, None))
    return everybody


@pytest.mark.parametrize(
    ("provider", "seconds", "replicas", "used"),
    [
        ((Bucket, 5, 5), 60, 1, 0.85),
        ((Bucket, 5, 5), 600, 1, 0.9),
        ((Bucket, 5, 5), 60, 4, 0.8),
        ((Bucket, 5, 5), 600, 4, 0.9),
        ((Bucket, 5, 100), 60, 1, 0.9),
        ((Bucket, 5, 1), 60, 1, 0.4),
        ((Bucket, 500, 500), 20, 1, 0.8),
        ((Bucket, 100, 100), 20, 4, 0.8),
        ((Bucket, 0.2, 1), 600, 1, 0.6),
        ((Window, 300, 60), 600, 1, 0.7),
        ((Window, 50, 10), 120, 1, 0.7),
    ],
    ids=lambda value: (
        getattr(value[0], "__name__", "") + "-".join(map(str, value[1:]))
        if isinstance(value, tuple)
        else str(value)
    ),
)
def test_a_limit_is_found_out_and_used(provider, seconds, replicas, used):
    """Nobody tells it; all requests are at most 1.2 for each that is allowed, and most of those are made."""
    kind, *figures = provider
    limited = kind(*figures)
    everybody = crowd(limited, seconds, replicas=replicas)
    served = sum(replica.served for replica in everybody)
    requests = served + sum(replica.refused for replica in everybody)
    assert requests <= 1.2 * limited.allowed(seconds)
    assert served >= used * limited.allowed(seconds)
    assert all(replica.served for replica in everybody)


def test_a_limit_that_is_raised_is_found_out():
    """Nothing is learned for ever: a hundred times as many are let through a minute or two later."""
    limited = Bucket(5, 5)
    [replica] = crowd(limited, 60)
    assert replica.rate.per_second(60.0) < 10
    speeds = [replica.rate.per_second(60.0 + later) for later in (0, 30, 60, 120)]
    assert speeds == sorted(speeds)
    assert speeds[-1] > 500


def test_few_answers_tell_nobody_a_time():
    """What was counted of fewer than ten is chance, and other replicas'; so is a first guess."""
    rate, known = RequestRate().crowded(0.0), []
    for served in (20, 9, 10, 0, 3):
        for _ in range(served):
            rate = rate.after_answer(rate.resumes + 0.1, crowded=True)
        now = rate.resumes + 1
        rate = rate.after_refusal(now, now, 1.0, crowded=True)
        known.append(rate.known)
    # Where nothing was served nothing new was counted.
    assert known == [False, False, True, True, False]


class TestTheWindow:
    def test_it_widens_while_others_wait(self):
        """Half as many again for each round trip; who waits for nothing learns nothing."""
        rate = RequestRate()
        for _ in range(10):
            rate = rate.after_answer(1.0, crowded=True)
        assert rate.under_way() == FIRST_WINDOW + 5
        assert RequestRate().after_answer(1.0, crowded=False).under_way() == FIRST_WINDOW

    def test_after_a_pause_one_goes_to_see(self):
        """An answer to a request that was sent before the pause says nothing of now."""
        rate = RequestRate().after_refusal(1.0, 1.1, 2.0, crowded=True)
        assert (rate.resumes, rate.under_way()) == (3.1, 1)
        assert rate.after_answer(1.0, crowded=True).under_way() == 1
        assert rate.after_answer(3.2, crowded=True).under_way() > 1

    def test_no_speed_is_learned_of_an_outage(self):
        """How many were served before it says nothing about how many may be."""
        rate = RequestRate().crowded(0.0).after_answer(0.0, crowded=True)
        assert rate.after_refusal(0.1, 0.2, 60.0, crowded=True, of_rate=False).per_second(1000.0) is None

    def test_nor_where_nobody_waited(self):
        """The provider may take more than was wanted of it."""
        rate = RequestRate().after_answer(0.0, crowded=False)
        assert rate.after_refusal(0.1, 0.2, 60.0, crowded=False).per_second(1000.0) is None

    def test_nor_where_nothing_was_served(self):
        """It may be another replica that is served."""
        assert (
            RequestRate().crowded(0.0).after_refusal(0.1, 0.2, 60.0, crowded=True).per_second(1000.0) is None
        )


class TestPauses:
    def test_those_that_were_sent_together_say_one_thing(self):
        """However many are refused, and be it after the pause; the longest wait holds."""
        first = (
            RequestRate()
            .crowded(0.0)
            .after_answer(0.0, crowded=True)
            .after_refusal(0.1, 0.2, 2.0, crowded=True)
        )
        again = first.after_refusal(0.1, 0.3, 5.0, crowded=True)
        again = again.after_refusal(0.1, 0.4, 1.0, crowded=True)
        assert again.resumes == 5.3
        assert again.refused_at == first.refused_at
        late = first.after_refusal(0.1, 9.0, 1.0, crowded=True)
        assert (late.resumes, late.refused_at) == (10.0, first.refused_at)

    def test_they_grow_as_long_as_each_ends_with_a_refusal(self):
        """A provider whose Retry-After is too short is not asked every second for ever."""
        rate, now, pauses = RequestRate(), 0.0, []
        for _ in range(10):
            rate = rate.after_refusal(now, now, 1.0, crowded=True)
            pauses.append(rate.resumes - now)
            now = rate.resumes
        assert pauses == [1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0, 64.0]
        rate = rate.after_answer(now, crowded=True)
        assert rate.after_refusal(now + 1, now + 1, 1.0, crowded=True).resumes == now + 2


class TestWhatIsSeen:
    """What is served while others wait, and what that says of the speed."""

    @pytest.mark.parametrize(
        ("rate", "seen"),
        [
            (RequestRate(since=10.0, served=6), 3.0),
            (RequestRate(since=10.0, served=0), 0.0),
            (RequestRate(since=12.0, served=6), 0.0),
            (RequestRate(since=13.0, served=6), 0.0),
            (RequestRate(since=None, served=6), 0.0),
        ],
    )
    def test_so_many_in_a_second(self, rate, seen):
        """None in no time at all, nor while nobody waits."""
        assert rate.seen(12.0) == seen

    def test_what_was_served_before_others_waited_does_not_count(self):
        """The provider was not asked for all that it gives."""
        rate = RequestRate().after_answer(1.0, crowded=False).crowded(2.0)
        assert (rate.since, rate.served) == (2.0, 0)

    @pytest.mark.parametrize(("now", "speed"), [(9.0, 3.6), (10.0, 3.6), (15.0, 4.0), (20.0, 4.4)])
    def test_a_measured_speed_is_won_back(self, now, speed):
        """From a little below it, in one climb, and beyond; during the pause it is what it begins with."""
        rate = RequestRate(refused_at=4.0, resumes=10.0, climb=5.0)
        assert rate.per_second(now) == pytest.approx(speed)

    @pytest.mark.parametrize(("now", "speed"), [(9.0, 4.0), (10.0, 4.0), (15.0, 8.0), (20.0, 16.0)])
    def test_a_guess_doubles(self, now, speed):
        """With each climb."""
        rate = RequestRate(refused_at=4.0, resumes=10.0, climb=5.0, guessed=True)
        assert rate.per_second(now) == speed


class TestWhatARefusalSays:
    """The numbers behind it."""

    REFUSED = RequestRate(refused_at=4.0, resumes=10.0, paused_at=8.0, since=10.0, sample=20)

    @pytest.mark.parametrize(
        ("sent", "probing", "in_vain"), [(9.0, True, 2), (10.0, False, 0), (11.0, False, 0)]
    )
    def test_an_answer_ends_the_probe(self, sent, probing, in_vain):
        """Only to what was sent when the pause was over."""
        rate = RequestRate(resumes=10.0, probing=True, in_vain=2).after_answer(sent, crowded=False)
        assert (rate.probing, rate.in_vain) == (probing, in_vain)

    def test_the_first_speed_is_counted_with_the_pause(self):
        """The bucket was full by an unknown amount, and will be empty at its end: a guess."""
        rate = RequestRate(since=0.0, served=8).after_refusal(1.9, 2.0, 2.0, crowded=True)
        assert (rate.refused_at, rate.guessed, rate.climb, rate.sample) == (2.0, True, 2.0, 8)
        assert (rate.window, rate.resumes, rate.paused_at, rate.since) == (FIRST_WINDOW, 4.0, 2.0, 2.0)

    def test_the_next_one_is_counted_from_refusal_to_refusal(self):
        """A tenth more, since nothing was asked for in the pause; never more than was sent."""
        rate = attrs.evolve(self.REFUSED, served=10).after_refusal(14.0, 14.0, 2.0, crowded=True)
        assert (rate.refused_at, rate.guessed, rate.climb) == (pytest.approx(2.75), False, 10.0)
        fast = attrs.evolve(self.REFUSED, served=100).after_refusal(14.0, 14.0, 0.5, crowded=True)
        assert (fast.refused_at, fast.climb) == (self.REFUSED.per_second(14.0), 5.0)

    def test_a_guess_that_was_doubled_too_often(self):
        """Is followed by no less than two fifths of it, and is a guess no more once something was served."""
        guess = attrs.evolve(self.REFUSED, guessed=True, climb=2.0, served=1)
        rate = guess.after_refusal(14.0, 14.0, 2.0, crowded=True)
        assert (rate.refused_at, rate.guessed) == (pytest.approx(6.4), False)
        assert attrs.evolve(guess, served=0).after_refusal(14.0, 14.0, 2.0, crowded=True).guessed

    def test_nobody_waits(self):
        """Then nothing is counted from there."""
        rate = RequestRate(since=0.0, served=8).after_refusal(1.9, 2.0, 2.0, crowded=False)
        assert (rate.refused_at, rate.since, rate.window) == (None, None, FIRST_WINDOW / 2)
        assert rate.after_refusal(5.0, 5.0, 2.0, crowded=False).window == 2.0

    @pytest.mark.parametrize(("sent", "now"), [(7.0, 12.0), (9.0, 9.5)])
    def test_one_that_says_nothing_new(self, sent, now):
        """It was sent before the pause, or comes while that lasts: all that it may do is make it longer."""
        rate = self.REFUSED.after_refusal(sent, now, 3.0, crowded=True)
        assert rate == attrs.evolve(self.REFUSED, resumes=now + 3.0)

    def test_one_that_was_sent_as_the_pause_began(self):
        """Is the next one: it was not sent before."""
        assert self.REFUSED.after_refusal(8.0, 12.0, 3.0, crowded=True).paused_at == 12.0

    def test_pauses_in_vain_begin_anew_after_an_answer(self):
        """The pause that follows one is as long as the provider says."""
        rate = RequestRate(in_vain=5, served=1).after_refusal(1.0, 1.0, 1.0, crowded=False)
        assert (rate.in_vain, rate.resumes) == (0, 2.0)
        assert RequestRate().after_refusal(1.0, 1.0, 0.0, crowded=False).resumes == 1.0

    @pytest.mark.parametrize(("in_vain", "pause"), [(0, 0.5), (1, 1.0), (2, 2.0)])
    def test_from_the_second_one_in_vain_on_they_have_a_length_of_their_own(self, in_vain, pause):
        """However short the provider says."""
        rate = RequestRate(in_vain=in_vain).after_refusal(1.0, 1.0, 0.5, crowded=False)
        assert rate.resumes == 1.0 + pause
