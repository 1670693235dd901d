"""When another's lease counts as over: whatever the store's clock does, never while its holder has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from extauth.domain.store_clock import Moment, StoreClock, lease_owner, lease_ttl, wait_for_lease

START = datetime(2030, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=45)
TOLERANCE = timedelta(seconds=1.25)
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)

spans = st.timedeltas(NOTHING, timedelta(minutes=3))
jumps = st.timedeltas(-2 * HOUR, 2 * HOUR)
trips = st.timedeltas(NOTHING, timedelta(seconds=3))


def after(*spans: timedelta) -> float:
    """Return an instant on the replica's clock."""
    return 1000.0 + sum(spans, NOTHING).total_seconds()


def moment(elapsed: timedelta, ahead: timedelta = NOTHING, trip: timedelta = NOTHING) -> Moment:
    """Return a look at the store's clock at the end of a round trip."""
    return Moment(START + elapsed + ahead, after(elapsed) - trip.total_seconds(), after(elapsed))


def clock(*moments: Moment) -> StoreClock:
    """Return what is known after these looks."""
    known = StoreClock(TOLERANCE, TTL)
    for each in moments:
        known = known.seeing(each)
    return known


@given(st.lists(spans), trips.filter(lambda trip: trip <= TOLERANCE))
def test_a_clock_that_goes_is_believed(pauses, trip):
    """However often and seldom it is looked at."""
    elapsed, moments = NOTHING, []
    for pause in pauses:
        elapsed += pause
        moments.append(moment(elapsed, trip=trip))
    assert clock(*moments).believed(after(elapsed), TTL)
    assert clock(*moments).went_back == NOTHING


def test_a_clock_that_was_never_seen_is_believed():
    """Nothing contradicts it."""
    assert clock().believed(after(), TTL)
    assert clock(moment(HOUR, HOUR)).believed(after(HOUR), TTL)


@given(spans, jumps.filter(lambda jump: abs(jump) > 2 * TOLERANCE), spans, st.timedeltas(NOTHING, TOLERANCE))
def test_a_jump_is_doubted_for_as_long_as_leases_of_before_last(before, jump, later, trip):
    """From the first look after it, whether ahead or back."""
    seen = before + later
    known = clock(moment(before, trip=trip), moment(seen, jump, trip))
    assert not known.believed(after(seen), TTL)
    assert not known.believed(after(seen, TTL) - 0.001, TTL)
    assert known.believed(after(seen, TTL) + 0.001, TTL)
    still = known.seeing(moment(seen + later, jump, trip))
    assert known.doubted_at == still.doubted_at  # it goes as it should since


@given(spans, st.timedeltas(2 * TOLERANCE, HOUR))
def test_what_it_went_back_is_remembered(elapsed, back):
    """Exchanges are older than such a clock says, by that much at least, but for what goes unnoticed."""
    known = clock(moment(NOTHING), moment(elapsed, -back), moment(elapsed * 2, -back * 2))
    assert timedelta(0) <= 2 * back - known.went_back <= timedelta(microseconds=10)


@given(spans, st.timedeltas(TOLERANCE + timedelta(milliseconds=1), HOUR))
def test_an_answer_that_took_long_proves_nothing(elapsed, trip):
    """The clock may have jumped by as much; it is not compared with either."""
    known = clock(moment(NOTHING), moment(elapsed, trip=trip))
    assert not known.believed(after(elapsed), TTL)
    assert known.last == moment(NOTHING)


def test_what_is_just_tolerated():
    """A round trip as long as the tolerance counts, and a clock that is off by as much has not jumped."""
    trip = moment(NOTHING, trip=TOLERANCE)
    assert clock(trip) == StoreClock(TOLERANCE, TTL, last=trip)
    for jump in (TOLERANCE, -TOLERANCE):
        assert clock(moment(NOTHING), moment(TTL / 2, jump)).doubted_at is None


def test_a_look_is_compared_with_one_that_is_not_long_ago():
    """The one that others are compared with stays for the horizon, and then makes way."""
    later = moment(TTL + timedelta(milliseconds=1))
    assert clock(moment(NOTHING), moment(TTL)) == clock(moment(NOTHING))
    assert clock(moment(NOTHING), later) == clock(later)


def test_a_jump_ahead():
    """It is doubted until the last lease of before it is over, and no exchange is older for it."""
    known = clock(moment(NOTHING), moment(TTL, HOUR))
    assert known.went_back == NOTHING
    assert known.believed(after(TTL, TTL), TTL)


def test_small_steps_do_not_add_up_unnoticed():
    """A clock that is set ahead by a second in each look is doubted within two of them."""
    step = timedelta(seconds=1)
    looks = [moment(TTL * n / 10, step * n) for n in range(3)]
    assert clock(*looks[:2]).believed(looks[1].answered, TTL)
    assert not clock(*looks).believed(looks[2].answered, TTL)


@given(st.timedeltas(-HOUR, HOUR), spans, st.booleans())
def test_nobody_waits_longer_than_a_lease_lasts(left, watched, believed):
    """And not at all for one that was watched as long, whatever the store says."""
    wait = wait_for_lease(left, watched, TTL, believed=believed)
    assert NOTHING <= wait <= TTL
    if watched >= TTL:
        assert wait == NOTHING


@given(st.timedeltas(-HOUR, HOUR), spans)
def test_only_a_clock_that_is_believed_ends_a_wait_early(left, watched):
    """Otherwise the whole lease is watched."""
    assert wait_for_lease(left, watched, TTL, believed=False) == max(TTL - watched, NOTHING)
    believed = wait_for_lease(left, watched, TTL, believed=True)
    assert (believed == NOTHING) == (left <= NOTHING or watched >= TTL)


@given(
    claimed=spans,
    jump=jumps,
    jumped=spans,
    first=spans,
    looks=st.lists(spans, min_size=1, max_size=5),
)
def test_no_live_lease_is_taken_over(claimed, jump, jumped, first, looks):
    """A replica that saw the store before the jump never takes a lease for over that its holder still has."""
    elapsed = min(first, jumped)  # the first look, before the clock jumps
    known = clock(moment(elapsed))
    ends_by_store = START + claimed + TTL + (jump if jumped <= claimed else NOTHING)
    since = None
    for pause in looks:
        elapsed += pause
        look = moment(elapsed, jump if jumped <= elapsed else NOTHING)
        known = known.seeing(look)
        if elapsed < claimed:
            continue
        since = elapsed if since is None else since
        believed = known.believed(look.answered, TTL)
        wait = wait_for_lease(ends_by_store - look.store, elapsed - since, TTL, believed=believed)
        if wait == NOTHING:
            assert elapsed >= claimed + TTL - 3 * TOLERANCE  # its holder stops five seconds before
            return


@given(st.integers(0, 2**128 - 1), st.timedeltas(timedelta(microseconds=1), timedelta(days=400)))
def test_an_owner_says_how_long_its_leases_last(drawn, ttl):
    """To the microsecond; another draw is another owner."""
    assert ttl == lease_ttl(lease_owner(drawn, ttl))
    assert lease_owner(drawn, ttl) != lease_owner(drawn ^ 1, ttl)


def test_other_owners_do_not():
    """Those of earlier versions, and what others call themselves."""
    drawn = f"{7:032x}"
    alike = [f"{drawn}-5", f"{drawn}-us", f"{drawn}-5 s us", f"{drawn}-\u00b2us", f"{drawn[2:]}-1-5us"]
    for owner in (drawn, "replica-1", "replica-5us", "", *alike):
        assert lease_ttl(owner) is None
