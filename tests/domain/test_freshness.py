"""The refresh decision: examples of every rule, and properties over generated links."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extauth import (
    Link,
    LinkKey,
    PendingExchange,
    ProviderTraits,
    RefreshFailure,
    RefreshPolicy,
    TokenSet,
)
from extauth.domain.freshness import (
    CoolDown,
    Decision,
    Reauthorize,
    Refresh,
    Serve,
    ServeAndRefresh,
    access_token_works,
    blocked,
    decide,
    may_present,
    served_until,
)

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)
POLICY = RefreshPolicy()
STRICT = ProviderTraits()
TOLERANT = ProviderTraits(replay_window=HOUR)
NOT_ROTATING = ProviderTraits(rotates=False)
REVOKING = ProviderTraits(refresh_revokes_access_token=True)
KEY = LinkKey("provider", "alice")
VERSION = 7

FAR = timedelta(minutes=30)
"""Outside the look-ahead of any link whose token lives for an hour."""
SOON = MINUTE
"""Inside the look-ahead of any such link, outside ``min_validity``."""
AT_ONCE = 5 * SECOND
"""Inside ``min_validity``."""


def link_with(left: timedelta | None, *, lifetime: timedelta = HOUR, **changes: Any) -> Link:
    """Return a link whose access token works for ``left`` from :data:`NOW` on; for ever if None."""
    expires_at = None if left is None else NOW + left
    issued_at = NOW if expires_at is None else expires_at - lifetime
    tokens = TokenSet("at-1", changes.pop("refresh_token", "rt-1"), expires_at, issued_at=issued_at)
    return attrs.evolve(Link(KEY, tokens, VERSION, NOW, NOW), **changes)


def rejected_for_good(version: int = VERSION) -> RefreshFailure:
    """The provider has rejected the grant."""
    return RefreshFailure("invalid_grant", NOW - MINUTE, version)


def failed_for_now(
    at: datetime = NOW - MINUTE, pause: timedelta = HOUR, version: int = VERSION
) -> RefreshFailure:
    """A refresh failed, and the next one has to wait."""
    return RefreshFailure("server_error", at, version, retry_at=at + pause)


def underway() -> PendingExchange:
    """Some replica is exchanging."""
    return PendingExchange(NOW - SECOND, live=True)


def unresolved(since: datetime = NOW - MINUTE) -> PendingExchange:
    """Nobody knows how an exchange ended."""
    return PendingExchange(since, live=False)


def decided(
    link: Link, now: datetime = NOW, traits: ProviderTraits = STRICT, *, rejected: bool = False
) -> Decision:
    """Decide with the default policy."""
    return decide(link, now, POLICY, traits, rejected=rejected)


class TestWorkingToken:
    def test_far_from_expiry_it_is_served(self):
        """Outside the look-ahead nothing happens."""
        assert decided(link_with(FAR)) == Serve()

    def test_soon_before_expiry_it_is_served_and_refreshed_behind(self):
        """Inside the look-ahead nobody waits."""
        assert decided(link_with(SOON)) == ServeAndRefresh()

    def test_about_to_expire_it_is_refreshed_first(self):
        """Inside ``min_validity`` the caller waits."""
        assert decided(link_with(AT_ONCE)) == Refresh()

    @pytest.mark.parametrize("left", [timedelta(0), -MOMENT, -HOUR], ids=str)
    def test_at_expiry_it_has_expired(self, left):
        """Exactly now counts as expired."""
        assert decided(link_with(left)) == Refresh()
        assert not access_token_works(link_with(left), NOW)

    def test_the_last_moment_before_expiry_still_works(self):
        """A microsecond before expiry the token works."""
        assert access_token_works(link_with(MOMENT), NOW)

    @pytest.mark.parametrize("now", [NOW, NOW + timedelta(days=36500), datetime.max.replace(tzinfo=UTC)])
    def test_without_expiry_it_is_served_for_ever(self, now):
        """The provider gave no expiry: nothing but a rejection tells that it ended."""
        assert decided(link_with(None), now) == Serve()

    def test_without_a_refresh_token_it_is_served_to_the_end(self):
        """There is nothing to refresh with, so the look-ahead does not matter."""
        assert decided(link_with(AT_ONCE, refresh_token=None)) == Serve()

    def test_an_api_that_rejected_it_ends_it(self):
        """``rejected`` overrules any expiry."""
        for left in (None, FAR):
            assert decided(link_with(left), rejected=True) == Refresh()
            assert not access_token_works(link_with(left), NOW, rejected=True)

    def test_a_refresh_that_would_kill_it_is_waited_for(self):
        """Nobody is handed a token that the refresh behind it is about to revoke."""
        assert decided(link_with(SOON), traits=REVOKING) == Refresh()

    def test_outside_the_look_ahead_the_traits_do_not_matter(self):
        """No refresh is coming, so the token is not doomed."""
        assert decided(link_with(FAR), traits=REVOKING) == Serve()


class TestLookAhead:
    @pytest.mark.parametrize("user_id", ["user-1", "user-2", "user-8", "user-13"])
    @pytest.mark.parametrize("refresh_ahead", [timedelta(0), 12 * SECOND])
    def test_min_validity_holds_however_small_the_look_ahead_is(self, refresh_ahead, user_id):
        """A token about to expire is refreshed first, also where ``refresh_ahead`` comes later than that."""
        policy = RefreshPolicy(refresh_ahead=refresh_ahead, min_validity=10 * SECOND)
        link = link_with(10 * SECOND, key=LinkKey("provider", user_id))
        assert decide(link, NOW, policy, STRICT) == Refresh()

    @pytest.mark.parametrize("user_id", ["user-1", "user-2", "user-8", "user-13"])
    def test_min_validity_holds_for_short_lived_tokens(self, user_id):
        """A token that lives for 30 seconds is refreshed first in its last fifth, for every link."""
        link = link_with(6 * SECOND, lifetime=30 * SECOND, key=LinkKey("provider", user_id))
        assert decided(link) == Refresh()

    def test_a_short_lived_token_is_served_for_four_fifths_of_its_life(self):
        """Neither ``refresh_ahead`` nor ``min_validity`` takes more than a fifth of the lifetime."""
        for lifetime in (SECOND, 5 * SECOND, 20 * SECOND, MINUTE):
            assert decided(link_with(lifetime / 5 + MOMENT, lifetime=lifetime)) == Serve()

    def test_zero_switches_looking_ahead_off(self):
        """With both spans zero the token is served until the last moment."""
        policy = RefreshPolicy(refresh_ahead=timedelta(0), min_validity=timedelta(0))
        assert decide(link_with(MOMENT), NOW, policy, STRICT) == Serve()
        assert decide(link_with(timedelta(0)), NOW, policy, STRICT) == Refresh()

    def test_without_issue_time_the_last_write_counts(self):
        """The lifetime is measured from the last write where nobody noted when the token was asked for."""
        tokens = TokenSet("at-1", "rt-1", NOW + 10 * SECOND)
        just_written = Link(KEY, tokens, 1, NOW - HOUR, NOW)
        assert decided(just_written) == Serve()
        assert decided(attrs.evolve(just_written, updated_at=NOW - HOUR)) == Refresh()

    @pytest.mark.parametrize("lifetime", [timedelta(0), -HOUR], ids=str)
    def test_a_token_issued_after_its_expiry_is_served_until_then(self, lifetime):
        """A clock that went back left a lifetime that means nothing: no look-ahead, no error."""
        assert decided(link_with(MOMENT, lifetime=lifetime)) == Serve()
        assert decided(link_with(timedelta(0), lifetime=lifetime)) == Refresh()

    def test_links_made_together_become_due_apart(self):
        """A thousand links made at one moment are spread over half of the look-ahead."""
        links = [link_with(HOUR, key=LinkKey("provider", f"user-{number}")) for number in range(1000)]
        due = [0] * 10
        for tenth in range(10):
            left = POLICY.refresh_ahead * (1 - (tenth + 1) / 20) + MOMENT
            due[tenth] = sum(decided(link, NOW + HOUR - left) != Serve() for link in links)
        at_once = [later - sooner for sooner, later in zip([0, *due], [*due, 1000], strict=False)]
        assert sum(at_once) == 1000
        assert max(at_once) < 200

    def test_every_process_spreads_alike(self):
        """The spread of a link is the same everywhere, whatever the seed of ``hash()``."""
        script = (
            "from tests.domain.test_freshness import due_instants\n"
            "print(*due_instants('alice', 'bob', 'Zoë', '王'))"
        )
        here = " ".join(map(str, due_instants("alice", "bob", "Zoë", "王")))
        for seed in ("0", "1"):
            environment = {
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            }
            told = subprocess.run(
                [sys.executable, "-c", script],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert told.stdout.strip() == here


def due_instants(*user_ids: str) -> list[int]:
    """Return how many whole seconds before expiry the link of each user becomes due."""
    found = []
    for user_id in user_ids:
        link = link_with(HOUR, key=LinkKey("provider", user_id))
        left = 0
        while decided(link, NOW + HOUR - (left + 1) * SECOND) != Serve():
            left += 1
        found.append(left)
    return found


class TestDeadMark:
    def test_the_token_is_served_to_its_expiry(self):
        """A rejected grant does not end the access token's life."""
        for left in (FAR, SOON, AT_ONCE, MOMENT):
            assert decided(link_with(left, failure=rejected_for_good())) == Serve()

    def test_after_expiry_the_user_must_authorize_again(self):
        """The mark's reason is given."""
        link = link_with(timedelta(0), failure=rejected_for_good())
        assert decided(link) == Reauthorize("invalid_grant")

    def test_without_known_expiry_the_mark_counts_at_once(self):
        """The rejected grant is the best sign there is that the access token is dead too."""
        assert decided(link_with(None, failure=rejected_for_good())) == Reauthorize("invalid_grant")

    def test_a_rejected_token_is_not_served(self):
        """Nor is the refresh token presented again."""
        link = link_with(FAR, failure=rejected_for_good())
        assert decided(link, rejected=True) == Reauthorize("invalid_grant")

    def test_a_mark_of_another_version_means_nothing(self):
        """A refresh that succeeded in between has lifted it."""
        for version in (VERSION - 1, VERSION + 1):
            for left in (None, FAR, SOON, timedelta(0)):
                for mark in (rejected_for_good(version), failed_for_now(version=version)):
                    assert decided(link_with(left, failure=mark)) == decided(link_with(left))

    def test_without_a_refresh_token_an_expired_link_is_dead(self):
        """Nothing is left to try."""
        link = link_with(timedelta(0), refresh_token=None)
        assert decided(link) == Reauthorize("no_refresh_token")
        assert decided(link_with(None, refresh_token=None), rejected=True) == Reauthorize("no_refresh_token")


class TestCoolDown:
    def test_an_expired_token_waits_for_it(self):
        """The answer says until when, and why."""
        mark = failed_for_now()
        assert decided(link_with(timedelta(0), failure=mark)) == CoolDown(NOW - MINUTE + HOUR, "server_error")

    def test_a_rejected_token_waits_for_it(self):
        """An API's 401 does not hurry the provider."""
        assert isinstance(decided(link_with(FAR, failure=failed_for_now()), rejected=True), CoolDown)

    def test_a_working_token_is_served_meanwhile(self):
        """Even if it would be refreshed first otherwise."""
        for traits in (STRICT, REVOKING):
            assert decided(link_with(AT_ONCE, failure=failed_for_now()), traits=traits) == Serve()

    def test_it_ends_at_the_instant_given(self):
        """At ``retry_at`` the next refresh may begin."""
        link = link_with(timedelta(0), failure=failed_for_now(NOW - HOUR, HOUR))
        assert decided(link) == Refresh()
        assert isinstance(decided(link, NOW - MOMENT), Serve)
        assert isinstance(
            decided(attrs.evolve(link, tokens=TokenSet("a", "r", NOW - HOUR)), NOW - MOMENT), CoolDown
        )

    def test_a_clock_that_went_back_does_not_stretch_it(self):
        """A pause that seems to begin in the future is no pause."""
        link = link_with(-2 * HOUR, failure=failed_for_now(NOW, HOUR))
        assert isinstance(decided(link), CoolDown)
        assert decided(link, NOW - MOMENT) == Refresh()


class TestBlocked:
    @pytest.mark.parametrize("left", [None, FAR, AT_ONCE, timedelta(0)], ids=str)
    def test_nothing_speaks_against_a_refresh(self, left):
        """Whether it is needed is another question, and so is whether someone else is at it."""
        for pending in (None, underway(), unresolved()):
            assert blocked(link_with(left, pending=pending), NOW) is None

    @pytest.mark.parametrize("left", [None, FAR, timedelta(0)], ids=str)
    def test_a_rejected_grant_does(self, left):
        """However well the access token works."""
        link = link_with(left, failure=rejected_for_good())
        assert blocked(link, NOW) == Reauthorize("invalid_grant")

    def test_there_may_be_nothing_to_present(self):
        """Also where a refresh would have to wait otherwise."""
        for failure in (None, failed_for_now(), rejected_for_good()):
            link = link_with(FAR, refresh_token=None, failure=failure)
            assert blocked(link, NOW) == Reauthorize("no_refresh_token")

    def test_a_pause_does_until_its_end(self):
        """It says until when, and why."""
        link = link_with(FAR, failure=failed_for_now())
        until = NOW - MINUTE + HOUR
        assert blocked(link, until - MOMENT) == CoolDown(until, "server_error")
        assert blocked(link, until) is None

    @pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
    def test_a_mark_of_another_version_does_not(self, version):
        """A refresh that succeeded in between has lifted it."""
        for mark in (rejected_for_good(version), failed_for_now(version=version)):
            assert blocked(link_with(FAR, failure=mark), NOW) is None


class TestPendingExchange:
    def test_one_under_way_elsewhere_is_not_doubled_behind(self):
        """Another replica sees to it; this one hands out the working token."""
        assert decided(link_with(SOON, pending=underway())) == Serve()

    def test_one_under_way_elsewhere_is_waited_for_when_there_is_no_choice(self):
        """An expired token, one about to expire and a doomed one are not handed out."""
        assert decided(link_with(timedelta(0), pending=underway())) == Refresh()
        assert decided(link_with(AT_ONCE, pending=underway())) == Refresh()
        assert decided(link_with(SOON, pending=underway()), traits=REVOKING) == Refresh()

    @pytest.mark.parametrize("left", [SOON, AT_ONCE, MOMENT], ids=str)
    @pytest.mark.parametrize(
        "traits",
        [STRICT, REVOKING, ProviderTraits(replay_window=MINUTE)],
        ids=["strict", "revoking", "window-over"],
    )
    def test_an_unresolved_one_leaves_the_working_token_alone(self, traits, left):
        """A replay could cost the access token that still works."""
        assert decided(link_with(left, pending=unresolved()), traits=traits) == Serve()

    @pytest.mark.parametrize("traits", [STRICT, REVOKING, TOLERANT, NOT_ROTATING])
    def test_an_unresolved_one_is_tried_when_nothing_is_left_to_lose(self, traits):
        """At expiry, or once an API has refused the token."""
        assert decided(link_with(timedelta(0), pending=unresolved()), traits=traits) == Refresh()
        assert decided(link_with(FAR, pending=unresolved()), traits=traits, rejected=True) == Refresh()

    @pytest.mark.parametrize("traits", [TOLERANT, NOT_ROTATING], ids=["window", "not-rotating"])
    def test_a_tolerant_provider_is_asked_again(self, traits):
        """A replay does no harm, so the look-ahead works as ever."""
        assert decided(link_with(SOON, pending=unresolved()), traits=traits) == ServeAndRefresh()
        assert decided(link_with(AT_ONCE, pending=unresolved()), traits=traits) == Refresh()


class TestMayPresent:
    def test_without_an_earlier_exchange_it_may(self):
        """Nobody has presented the token before."""
        assert may_present(STRICT, unresolved_for=None, access_token_works=True)

    def test_with_nothing_left_to_lose_it_may(self):
        """The access token is dead, so a replay can only win."""
        assert may_present(STRICT, unresolved_for=HOUR, access_token_works=False)

    def test_a_working_access_token_forbids_a_replay(self):
        """At a strict provider, and after the window elsewhere."""
        assert not may_present(STRICT, unresolved_for=timedelta(0), access_token_works=True)
        assert not may_present(TOLERANT, unresolved_for=HOUR, access_token_works=True)

    def test_a_tolerant_provider_allows_it(self):
        """Inside the window, or at any time if it does not rotate."""
        assert may_present(TOLERANT, unresolved_for=HOUR - MOMENT, access_token_works=True)
        assert may_present(NOT_ROTATING, unresolved_for=24 * HOUR, access_token_works=True)


class TestServedUntil:
    @given(
        life=st.integers(0, 10_000_000_000),
        ahead=st.integers(0, 4_000_000_000),
        least=st.integers(0, 4_000_000_000),
        off=st.integers(-3, 3),
        user=st.sampled_from(["alice", "bob", "carol", "dave"]),
    )
    def test_it_is_where_the_decision_changes(self, life, ahead, least, off, user):
        """To the microsecond; so memory ends there, too."""
        tokens = TokenSet("at", "rt", expires_at=NOW + life * MOMENT, issued_at=NOW)
        link = Link(LinkKey("p", user), tokens, 1, NOW, NOW)
        policy = RefreshPolicy(refresh_ahead=ahead * MOMENT, min_validity=least * MOMENT)
        until = served_until(link, policy)
        assert until is not None
        now = until + off * MOMENT
        assert (decide(link, now, policy, STRICT) == Serve()) == (now < until)

    def test_without_an_expiry_it_is_for_ever(self):
        """Nothing but a mark changes that."""
        assert served_until(link_with(None), POLICY) is None


class TestInstants:
    @pytest.mark.parametrize("left", [None, FAR, timedelta(0)], ids=str)
    def test_a_naive_now_is_refused(self, left):
        """Whatever the link holds, an instant without time zone is a mistake of the caller."""
        naive = NOW.replace(tzinfo=None)
        with pytest.raises(ValueError, match="aware"):
            decided(link_with(left), naive)
        with pytest.raises(ValueError, match="aware"):
            access_token_works(link_with(left), naive)
        with pytest.raises(ValueError, match="aware"):
            blocked(link_with(left), naive)


def minutes(least: int, most: int) -> st.SearchStrategy[timedelta]:
    """Few different spans, so that instants often coincide and lie inside each other's bounds."""
    return st.integers(least, most).map(MINUTE.__mul__)


instants = minutes(-6, 6).map(NOW.__add__)
policies = st.builds(RefreshPolicy, refresh_ahead=minutes(0, 4), min_validity=minutes(0, 4))
traits_ = st.builds(
    ProviderTraits,
    rotates=st.booleans(),
    replay_window=st.none() | minutes(1, 6),
    refresh_revokes_access_token=st.booleans(),
)
token_sets = st.builds(
    TokenSet,
    access_token=st.just("at-1"),
    refresh_token=st.sampled_from(["rt-1", "rt-1", "rt-1", None]),
    expires_at=st.one_of(instants, instants, instants, st.none()),
    issued_at=st.none() | minutes(-30, 6).map(NOW.__add__),
)
failures = st.builds(
    RefreshFailure,
    reason=st.sampled_from(["invalid_grant", "server_error"]),
    at=instants,
    version=st.sampled_from([VERSION, VERSION, VERSION, VERSION - 1, VERSION + 1]),
    retry_at=st.none() | instants,
)
links = st.builds(
    Link,
    key=st.sampled_from([LinkKey("provider", name) for name in ("alice", "bob", "user-1", "user-2")]),
    tokens=token_sets,
    version=st.just(VERSION),
    created_at=st.just(NOW - HOUR),
    updated_at=instants,
    failure=st.none() | failures,
    pending=st.none() | st.builds(PendingExchange, since=instants, live=st.booleans()),
)


@attrs.frozen
class Case:
    """Everything that a decision depends on."""

    link: Link
    now: datetime
    policy: RefreshPolicy
    traits: ProviderTraits
    rejected: bool

    @property
    def decision(self) -> Decision:
        return decide(self.link, self.now, self.policy, self.traits, rejected=self.rejected)

    @property
    def works(self) -> bool:
        return access_token_works(self.link, self.now, rejected=self.rejected)

    @property
    def mark(self) -> RefreshFailure | None:
        """What failed, if it is about this version."""
        mark = self.link.failure
        return mark if mark is not None and mark.version == self.link.version else None

    @property
    def cooling(self) -> bool:
        mark = self.mark
        return mark is not None and mark.retry_at is not None and mark.at <= self.now < mark.retry_at

    def but(self, **changes: Any) -> Case:
        """Return the same with changes to the link."""
        return attrs.evolve(self, link=attrs.evolve(self.link, **changes))


cases = st.builds(Case, links, instants, policies, traits_, st.booleans())
many = settings(max_examples=200, deadline=None)


def expected(case: Case) -> set[str]:  # noqa: C901 - a table, read from top to bottom
    """Say it again in plain words: a table for tokens that work and one for those that do not.

    Where only the spread decides whether the link is due, both answers are right.
    """
    tokens, expires_at, pending, traits = (
        case.link.tokens,
        case.link.tokens.expires_at,
        case.link.pending,
        case.traits,
    )
    dead = case.mark is not None and case.mark.retry_at is None
    if case.rejected or (expires_at is not None and expires_at <= case.now):
        if tokens.refresh_token is None or dead:
            return {"Reauthorize"}
        return {"CoolDown"} if case.cooling else {"Refresh"}

    if tokens.refresh_token is None:
        return {"Serve"}
    if expires_at is None and dead:
        return {"Reauthorize"}
    if dead or case.cooling:
        return {"Serve"}
    if traits.refresh_revokes_access_token and pending is not None and pending.live:
        return {"Refresh"}
    if expires_at is None:
        return {"Serve"}
    fifth = max(timedelta(0), (expires_at - (tokens.issued_at or case.link.updated_at)) / 5)
    left = expires_at - case.now
    hurried = left <= min(case.policy.min_validity, fifth)
    ahead = min(case.policy.refresh_ahead, fifth)
    if left > ahead and not hurried:
        return {"Serve"}
    answer = "Refresh" if hurried or traits.refresh_revokes_access_token else "ServeAndRefresh"
    if pending is not None and pending.live and answer == "ServeAndRefresh":
        answer = "Serve"
    if pending is not None and not pending.live and traits.rotates:
        window = traits.replay_window
        if window is None or pending.since + window <= case.now:
            answer = "Serve"
    return {answer} if hurried or left <= ahead / 2 else {answer, "Serve"}


class TestProperties:
    @settings(max_examples=1000, deadline=None)
    @given(case=cases)
    def test_it_agrees_with_the_plain_words(self, case):
        """Two ways of saying the same rules come to the same decision."""
        assert type(case.decision).__name__ in expected(case)

    @many
    @given(case=cases)
    def test_a_working_token_is_handed_out(self, case):
        """Unless waiting is short or needed: in the last moments, or where the refresh kills the token."""
        assume(case.works)
        expires_at, decision = case.link.tokens.expires_at, case.decision
        if isinstance(decision, Refresh):
            about_to_expire = expires_at is not None and expires_at - case.now <= case.policy.min_validity
            assert about_to_expire or case.traits.refresh_revokes_access_token
        elif isinstance(decision, Reauthorize):
            assert expires_at is None
        else:
            assert isinstance(decision, Serve | ServeAndRefresh)

    @many
    @given(case=cases)
    def test_a_dead_token_is_never_handed_out(self, case):
        """Expired or rejected, it stays where it is."""
        assume(not case.works)
        assert isinstance(case.decision, Refresh | Reauthorize | CoolDown)

    @many
    @given(case=cases)
    def test_what_speaks_against_a_refresh_is_the_answer_for_a_dead_token(self, case):
        """Nothing else keeps an access token that does not work from being refreshed."""
        assume(not case.works)
        assert case.decision == (blocked(case.link, case.now) or Refresh())

    @many
    @given(case=cases)
    def test_nobody_reconnects_in_vain(self, case):
        """Only a permanent mark on this very version, or no refresh token at all, asks the user."""
        if isinstance(case.decision, Reauthorize):
            rejected_grant = case.mark is not None and case.mark.permanent
            assert rejected_grant or case.link.tokens.refresh_token is None

    @many
    @given(case=cases, mark=failures, version=st.sampled_from([1, VERSION - 1, VERSION + 1]))
    def test_a_mark_of_another_version_has_no_influence(self, case, mark, version):
        """With or without it, the decision is the same."""
        foreign = attrs.evolve(mark, version=version)
        assert case.but(failure=None).decision == case.but(failure=foreign).decision

    @many
    @given(case=cases, since=instants)
    def test_an_unresolved_exchange_is_never_repeated_at_a_risk(self, case, since):
        """Whatever starts an exchange agrees with ``may_present``."""
        case = case.but(pending=unresolved(since))
        if isinstance(case.decision, Refresh | ServeAndRefresh):
            assert may_present(case.traits, unresolved_for=case.now - since, access_token_works=case.works)

    @many
    @given(case=cases)
    def test_nothing_starts_during_a_cool_down(self, case):
        """And it never lasts longer than the mark says."""
        decision = case.decision
        if isinstance(decision, CoolDown):
            assert case.cooling
            assert case.mark is not None
            assert decision.retry_at == case.mark.retry_at
        assert not (case.cooling and isinstance(decision, Refresh | ServeAndRefresh))

    @many
    @given(case=cases, then=instants)
    def test_time_only_pushes_forward(self, case, then):
        """With all else equal a later decision is no step back.

        But for the two spans that end: a cool-down, and the window for replaying an unresolved exchange.
        """
        sooner, later = sorted((attrs.evolve(case, now=now) for now in (case.now, then)), key=when)
        if case.mark is not None:
            assume(case.mark.at <= sooner.now)
        pending, traits = case.link.pending, case.traits
        if pending is not None and not pending.live and traits.rotates and traits.replay_window is not None:
            window_ends = pending.since + traits.replay_window
            assume(later.now < window_ends or window_ends <= sooner.now)
        assert progress(sooner) <= progress(later)


def when(case: Case) -> datetime:
    """Sort by time."""
    return case.now


def progress(case: Case) -> tuple[bool, int]:
    """Return how far a token's life has come."""
    order = (Serve, ServeAndRefresh, CoolDown, Refresh, Reauthorize)
    return not case.works, order.index(type(case.decision))
