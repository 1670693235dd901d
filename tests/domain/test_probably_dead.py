"""When a link is probably dead although nobody has said so, and how rarely it is tried then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import Link, LinkKey, TokenSet
from extauth.domain.link import RefreshFailure
from extauth.domain.outcomes import (
    ADDRESS_NOT_ALLOWED,
    ClientRejected,
    Deferred,
    Exchanged,
    GrantRejected,
    NotSent,
    Unknown,
)
from extauth.domain.probably_dead import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROBABLY_DEAD,
    SPAN,
    TRIES,
    Refusals,
    is_suspected,
    may_mean_dead,
    suspicion,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LINK = Link(LinkKey("x", "bob"), TokenSet("at", "rt"), 3, NOW, NOW)
HOUR = SPAN.total_seconds()


def row(times):
    """Return the refusals at these times."""
    first, *others = times
    refusals = Refusals.begin(1, first)
    for at in others:
        refusals = refusals.again(at)
    return refusals


@given(
    st.lists(st.floats(0, 3 * HOUR), min_size=1, max_size=2 * TRIES).map(sorted),
    st.none() | st.floats(0, 3 * HOUR),
)
def test_it_takes_many_tries_a_long_time_and_a_success_of_another(times, served_at):
    """The whole rule, said another way."""
    enough = len(times) >= TRIES and times[-1] - times[0] >= HOUR
    others_work = served_at is not None and served_at > (times[-2] if len(times) > 1 else times[0])
    assert (enough and others_work) == row(times).probably_dead(served_at)


def test_a_row_of_refusals():
    """It has the version, how many they are, and when the first and the last two were."""
    first = Refusals.begin(3, 5.0)
    assert first == Refusals(3, 1, first=5.0, before=5.0, last=5.0)
    assert first.again(7.0) == Refusals(3, 2, first=5.0, before=5.0, last=7.0)
    assert first.again(7.0).again(8.0) == Refusals(3, 3, first=5.0, before=7.0, last=8.0)


@pytest.mark.parametrize(
    ("tries", "span", "served_after", "expected"),
    [
        (TRIES, HOUR, 1, True),
        (TRIES - 1, HOUR, 1, False),
        (TRIES, HOUR - 1, 1, False),
        (TRIES, HOUR, 0, False),
    ],
)
def test_the_least_that_means_dead(tries, span, served_after, expected):
    """Neither the tenth try nor the full hour is short of it; a success at the last try but one is."""
    start = 10 * HOUR
    refusals = Refusals(3, tries, first=start, before=start + 60, last=start + span)
    assert refusals.probably_dead(start + 60 + served_after) is expected


@given(st.lists(st.floats(0, 30 * HOUR), min_size=2, max_size=50).map(sorted), st.data())
def test_a_client_that_works_for_nobody_is_never_a_dead_link(times, data):
    """Whatever was served before the last try but one says nothing of now."""
    served_at = data.draw(st.none() | st.floats(0, times[-2]))
    assert not row(times).probably_dead(served_at)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ClientRejected("invalid_request"), True),
        (ClientRejected("unauthorized_client"), True),
        (ClientRejected("invalid_client"), True),
        (ClientRejected(ADDRESS_NOT_ALLOWED), False),
        (Deferred("unrecognized_error"), True),
        (Deferred("http_400"), True),
        (Deferred("http_401"), True),
        (Deferred("http_403"), False),
        (Deferred("http_429"), False),
        (Deferred("already_processing"), False),
        (Deferred("unrecognized_error", of_grant=True), False),
        (Unknown("http_500"), False),
        (NotSent("refused"), False),
        (GrantRejected("invalid_grant"), False),
        (Exchanged(TokenSet("new")), False),
    ],
)
def test_what_may_mean_a_dead_grant(outcome, expected):
    """Refusals that servers give to dead refresh tokens, too; no outage, limit or promise of later."""
    assert expected == may_mean_dead(outcome)


def test_each_pause_is_twice_the_one_before_up_to_a_day():
    """The link is tried on, ever more rarely, and never given up."""
    link, pauses = LINK, []
    for tries in range(TRIES, TRIES + 7):
        mark = suspicion(link, NOW, tries)
        assert (PROBABLY_DEAD, link.version, False) == (mark.reason, mark.version, mark.permanent)
        assert mark.attempts == tries
        pauses.append(mark.retry_at - NOW)
        link = attrs.evolve(link, failure=mark)
    hours = [pause / timedelta(hours=1) for pause in pauses]
    assert hours == [1, 2, 4, 8, 16, 24, 24]
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE, LONGEST_PAUSE)


def test_a_suspicion_is_of_one_version():
    """A new authorization is another matter."""
    suspected = attrs.evolve(LINK, failure=suspicion(LINK, NOW, TRIES))
    assert is_suspected(suspected)
    assert not is_suspected(LINK)
    assert not is_suspected(attrs.evolve(suspected, version=4))
    again = suspicion(attrs.evolve(suspected, version=4), NOW, TRIES)
    assert again.retry_at - NOW == FIRST_PAUSE


def test_another_pause_before_is_not_doubled():
    """How long the provider was throttled or away says nothing of a dead grant."""
    other = RefreshFailure("http_429", NOW, 3, retry_at=NOW + 3 * FIRST_PAUSE)
    assert suspicion(attrs.evolve(LINK, failure=other), NOW, TRIES).retry_at == NOW + FIRST_PAUSE


def test_a_short_pause_between_does_not_shorten_the_next():
    """An outage made the mark before; what comes after it is no shorter than the first pause of all."""
    brief = RefreshFailure(PROBABLY_DEAD, NOW, 3, retry_at=NOW + timedelta(seconds=1), attempts=30)
    mark = suspicion(attrs.evolve(LINK, failure=brief), NOW, 1)
    assert (mark.retry_at - NOW, mark.attempts) == (FIRST_PAUSE, 31)
