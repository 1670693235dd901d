"""What upkeep is told, and which links it concerns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth.domain.due import Due, DueBy
from extauth.domain.freshness import spread_of
from extauth.domain.link import Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet
from extauth.domain.upkeep import AT_MOST_EVERY, Upkeep, UpkeepReport

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
KEY = LinkKey("github", "alice")
SPREAD = spread_of(KEY)
TRAITS = ProviderTraits()
EXPIRY, HALF_LIFE, AGE = DueBy


def link(
    failure: RefreshFailure | None = None, pending: PendingExchange | None = None, **changes: Any
) -> Link:
    """Return a link that was written at noon, with an hour's token."""
    values: dict[str, Any] = {"expires_at": NOON + HOUR, "issued_at": NOON, "refresh_token": "rt", **changes}
    return Link(KEY, TokenSet("at", **values), 1, NOON, NOON, failure=failure, pending=pending)


def first_overdue(upkeep: Upkeep, link: Link, by: DueBy, since: datetime) -> tuple[timedelta | None, ...]:
    """Return what is overdue a moment before that instant, at it, and a minute later."""
    return tuple(upkeep.overdue(link, by, at, TRAITS) for at in (since - MICROSECOND, since, since + MINUTE))


def test_warm_is_ahead_of_the_expiry_spread_over_the_links():
    """By what is said, times what the key makes of it."""
    since = NOON + HOUR - 15 * MINUTE * SPREAD
    assert first_overdue(Upkeep(), link(), EXPIRY, since) == (None, timedelta(0), MINUTE)


def test_warm_is_a_third_of_the_life_at_most():
    """However long the look-ahead is."""
    short = link(expires_at=NOON + 9 * MINUTE)
    since = NOON + 9 * MINUTE - 3 * MINUTE * SPREAD
    assert first_overdue(Upkeep(), short, EXPIRY, since) == (None, timedelta(0), MINUTE)


def test_alive_is_half_of_the_idle_life():
    """From the last write on."""
    known = link(refresh_token_expires_at=NOON + 60 * DAY)
    assert first_overdue(Upkeep(), known, HALF_LIFE, NOON + 30 * DAY) == (None, timedelta(0), MINUTE)
    assert Upkeep().overdue(link(), HALF_LIFE, NOON + 999 * DAY, TRAITS) is None


def test_idle_is_what_is_said():
    """From the last write on, or the last answer, if the store's clock is behind ours."""
    upkeep = Upkeep(idle=7 * DAY)
    assert first_overdue(upkeep, link(), AGE, NOON + 7 * DAY) == (None, timedelta(0), MINUTE)
    unknown = link(issued_at=None)
    assert first_overdue(upkeep, unknown, AGE, NOON + 7 * DAY) == (None, timedelta(0), MINUTE)
    behind = link(issued_at=NOON + DAY)
    assert first_overdue(upkeep, behind, AGE, NOON + 8 * DAY) == (None, timedelta(0), MINUTE)


def test_no_link_is_refreshed_twice_within_a_minute():
    """By when its token was asked for; a clock that was set back does not stop it."""
    fresh = link(expires_at=NOON, issued_at=NOON)
    since = NOON + AT_MOST_EVERY
    assert first_overdue(Upkeep(), fresh, EXPIRY, since) == (None, MINUTE, 2 * MINUTE)
    assert Upkeep().overdue(fresh, EXPIRY, NOON, TRAITS) is None
    ahead = link(expires_at=NOON - HOUR, issued_at=NOON + HOUR)
    assert Upkeep().overdue(ahead, EXPIRY, NOON, TRAITS) == HOUR
    never = link(expires_at=NOON, issued_at=None)
    assert Upkeep().overdue(never, EXPIRY, NOON, TRAITS) == timedelta(0)


@pytest.mark.parametrize("retry_at", [None, NOON + 2 * HOUR])
def test_a_mark_keeps_it_away(retry_at):
    """For ever, or until it may be tried."""
    marked = link(RefreshFailure("http_503", NOON, 1, retry_at=retry_at))
    assert Upkeep().overdue(marked, EXPIRY, NOON + HOUR, TRAITS) is None
    later = Upkeep().overdue(marked, EXPIRY, NOON + 2 * HOUR, TRAITS)
    assert (later is None) == (retry_at is None)


def test_an_exchange_under_way_keeps_it_away():
    """Also where the token works no more."""
    pending = PendingExchange(NOON, live=True)
    assert Upkeep().overdue(link(pending=pending), EXPIRY, NOON + 2 * HOUR, TRAITS) is None


def test_an_unresolved_exchange_keeps_it_away_while_there_is_something_to_lose():
    """Or until the provider forgives a replay no more."""
    crashed = link(pending=PendingExchange(NOON, live=False))
    almost = NOON + HOUR - MICROSECOND
    assert Upkeep().overdue(crashed, EXPIRY, almost, TRAITS) is None
    assert Upkeep().overdue(crashed, EXPIRY, NOON + HOUR, TRAITS) is not None
    window = attrs.evolve(TRAITS, replay_window=HOUR)
    assert Upkeep().overdue(crashed, EXPIRY, almost, window) is not None
    short = attrs.evolve(TRAITS, replay_window=HOUR - MICROSECOND)
    assert Upkeep().overdue(crashed, EXPIRY, almost, short) is None


def test_what_is_looked_for():
    """What cannot wait comes first; what would be no use not at all."""
    assert list(Upkeep().looks_for(TRAITS)) == [HALF_LIFE, EXPIRY]
    assert list(Upkeep(idle=DAY).looks_for(TRAITS)) == [HALF_LIFE, AGE, EXPIRY]
    assert list(Upkeep(keep_warm=None).looks_for(TRAITS)) == [HALF_LIFE]
    assert list(Upkeep(keep_alive=False).looks_for(TRAITS)) == [EXPIRY]
    fixed = ProviderTraits(refresh_token_lifetime=365 * DAY)
    assert list(Upkeep().looks_for(fixed)) == [EXPIRY]
    both = ProviderTraits(refresh_token_lifetime=365 * DAY, refresh_token_idle_lifetime=DAY)
    assert list(Upkeep().looks_for(both)) == [HALF_LIFE, EXPIRY]


def test_how_far_it_looks():
    """Ahead for what is kept warm, and back for what is idle."""
    upkeep = Upkeep(idle=7 * DAY)
    assert [upkeep.horizon(by, NOON) for by in DueBy] == [NOON + 15 * MINUTE, NOON, NOON - 7 * DAY]


def test_what_need_not_be_read():
    """A link whose turn has not come, though others' of the same moment has."""
    at = NOON + 15 * MINUTE * SPREAD
    assert not Upkeep().is_early(Due(at, KEY), EXPIRY, NOON)
    assert Upkeep().is_early(Due(at + MICROSECOND, KEY), EXPIRY, NOON)
    assert not Upkeep().is_early(Due(at + DAY, KEY), HALF_LIFE, NOON)
    assert not Upkeep().is_early(Due(at + DAY, KEY), AGE, NOON)
    assert not Upkeep(keep_warm=None).is_early(Due(at + DAY, KEY), EXPIRY, NOON)


def test_reports_add_up():
    """Each of the numbers, all providers, and the longest time."""
    one = UpkeepReport(
        refreshed=1, elsewhere=2, failed=3, ended=4, purged=5, paused=frozenset({"github"}), behind=HOUR
    )
    other = UpkeepReport(
        refreshed=10, elsewhere=20, failed=30, ended=40, purged=50, paused=frozenset({"gitlab"}), behind=DAY
    )
    assert (
        one + other
        == other + one
        == UpkeepReport(
            refreshed=11,
            elsewhere=22,
            failed=33,
            ended=44,
            purged=55,
            paused=frozenset({"github", "gitlab"}),
            behind=DAY,
        )
    )


def test_the_defaults():
    """Some refreshes a second, a look every half minute."""
    upkeep = Upkeep()
    assert (upkeep.rate, upkeep.concurrency, upkeep.page) == (10.0, 4, 200)
    assert (upkeep.interval, upkeep.purge_every) == (timedelta(seconds=30), HOUR)
    assert (upkeep.keep_warm, upkeep.keep_alive, upkeep.idle) == (15 * MINUTE, True, None)


@pytest.mark.parametrize("name", ["keep_warm", "idle", "interval", "purge_every"])
def test_spans_are_positive(name):
    """And no numbers."""
    with pytest.raises(ValueError, match=f"{name} must be longer than zero"):
        Upkeep(**{name: timedelta(0)})
    with pytest.raises(TypeError, match=f"{name} must be a timedelta"):
        Upkeep(**{name: 5})


def test_something_is_to_be_kept_up():
    """One of three is enough."""
    nothing: dict[str, Any] = {"keep_warm": None, "keep_alive": False, "idle": None}
    with pytest.raises(ValueError, match="nothing is to be kept up; say keep_warm, keep_alive or idle"):
        Upkeep(**nothing)
    for something in ({"keep_warm": HOUR}, {"keep_alive": True}, {"idle": HOUR}):
        Upkeep(**{**nothing, **something})


def test_how_far_upkeep_looks():
    """As far as links are kept warm, and back as far as they may lie idle; to now for what is left alone."""
    upkeep = Upkeep(keep_warm=HOUR, idle=DAY)
    assert [upkeep.horizon(by, NOON) for by in DueBy] == [NOON + HOUR, NOON, NOON - DAY]
    assert [Upkeep(keep_warm=None).horizon(by, NOON) for by in DueBy] == [NOON] * 3
