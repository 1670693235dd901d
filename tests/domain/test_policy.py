"""Spans, back-off and traits: what they accept, and what they mean."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extauth import Backoff, ProviderTraits, RateLimit, RefreshPolicy

ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)
POSITIVE_SPANS = ("exchange_timeout", "lease_ttl", "save_margin", "wait_timeout")
SPANS_OR_ZERO = ("refresh_ahead", "min_validity", "shutdown_grace")

spans = st.integers(1, 10**12).map(MOMENT.__mul__)


def test_a_number_is_no_span():
    """Seconds or minutes? A span says its unit."""
    with pytest.raises(TypeError, match="replay_window must be a timedelta, not 30"):
        ProviderTraits(replay_window=30)
    with pytest.raises(TypeError, match="refresh_ahead must be a timedelta, not 300"):
        RefreshPolicy(refresh_ahead=300)


@pytest.mark.parametrize("limits", [{"github": 5}, {"github": None}, [RateLimit(per_second=1)], None])
def test_what_is_no_limit_is_told_at_once(limits):
    """And not by the first refresh."""
    with pytest.raises(TypeError, match=r"rate_limits must be RateLimit\(...\) by provider id"):
        RefreshPolicy(rate_limits=limits)


class TestRefreshPolicy:
    def test_the_defaults_are_those_of_the_documentation(self):
        """Five minutes ahead, never below ten seconds, twenty for an exchange inside a lease of 45."""
        policy = RefreshPolicy()
        assert timedelta(minutes=5) == policy.refresh_ahead
        assert policy.min_validity == 10 * SECOND
        assert policy.exchange_timeout == 20 * SECOND
        assert policy.lease_ttl == 45 * SECOND

    @pytest.mark.parametrize("span", POSITIVE_SPANS)
    @pytest.mark.parametrize("value", [ZERO, -MOMENT], ids=["zero", "negative"])
    def test_a_span_that_must_be_positive(self, span, value):
        """Zero and less are refused, by name."""
        with pytest.raises(ValueError, match=f"^{span} must be longer than zero"):
            RefreshPolicy(**{span: value})

    @pytest.mark.parametrize("span", SPANS_OR_ZERO)
    def test_a_span_that_may_be_zero(self, span):
        """Zero switches it off; less is refused, by name."""
        assert getattr(RefreshPolicy(**{span: ZERO}), span) == ZERO
        with pytest.raises(ValueError, match=f"^{span} must not be negative"):
            RefreshPolicy(**{span: -MOMENT})

    def test_at_least_one_request_is_sent(self):
        """A refresh that may send nothing could never succeed."""
        assert RefreshPolicy(sends=1).sends == 1
        with pytest.raises(ValueError, match="sends"):
            RefreshPolicy(sends=0)

    def test_an_exchange_and_its_save_fit_into_the_lease(self):
        """A lease that lapses during an exchange would let a second replica present the same token."""
        exactly = RefreshPolicy(exchange_timeout=20 * SECOND, save_margin=5 * SECOND, lease_ttl=25 * SECOND)
        assert exactly.lease_ttl == 25 * SECOND
        with pytest.raises(ValueError, match=r"lease_ttl .* must cover exchange_timeout"):
            RefreshPolicy(
                exchange_timeout=20 * SECOND, save_margin=5 * SECOND, lease_ttl=25 * SECOND - MOMENT
            )

    def test_arguments_have_names(self):
        """Spans by position would be taken for each other."""
        with pytest.raises(TypeError):
            RefreshPolicy(SECOND)


class TestBackoff:
    @pytest.mark.parametrize("span", ["initial", "maximum"])
    @pytest.mark.parametrize("value", [ZERO, -MOMENT], ids=["zero", "negative"])
    def test_spans_are_positive(self, span, value):
        """Waiting for no time is no back-off."""
        with pytest.raises(ValueError, match=f"^{span} must be longer than zero"):
            Backoff(**{span: value})

    def test_the_maximum_is_not_below_the_initial_span(self):
        """They may be equal: a constant pause."""
        assert Backoff(initial=SECOND, maximum=SECOND).delay(9) == SECOND
        with pytest.raises(ValueError, match="must not be shorter than initial"):
            Backoff(initial=SECOND, maximum=SECOND - MOMENT)

    def test_it_doubles_up_to_the_maximum(self):
        """One, two, four, then the maximum for ever."""
        backoff = Backoff(initial=SECOND, maximum=5 * SECOND)
        assert [backoff.delay(attempt) / SECOND for attempt in range(1, 6)] == [1, 2, 4, 5, 5]

    def test_any_number_of_attempts_is_fine(self):
        """A store that has been down for weeks overflows nothing."""
        assert Backoff(initial=MOMENT, maximum=SECOND).delay(10**9) == SECOND

    def test_jitter_takes_up_to_half_away(self):
        """Many waiters spread out, and never wait longer for it."""
        backoff = Backoff(initial=4 * SECOND, maximum=4 * SECOND)
        assert backoff.delay(1, jitter=0.0) == 4 * SECOND
        assert backoff.delay(1, jitter=0.5) == 3 * SECOND

    @settings(max_examples=200, deadline=None)
    @given(
        bounds=st.tuples(spans, spans).map(sorted),
        attempt=st.integers(1, 10_000),
        jitter=st.floats(0, 1, exclude_max=True),
    )
    def test_every_delay_is_within_bounds(self, bounds, attempt, jitter):
        """Between half the initial span and the maximum, to the microsecond, and it never shrinks."""
        backoff = Backoff(initial=bounds[0], maximum=bounds[1])
        delay = backoff.delay(attempt, jitter=jitter)
        assert bounds[0] / 2 - MOMENT <= delay <= bounds[1]
        assert delay <= backoff.delay(attempt + 1, jitter=jitter)


class TestProviderTraits:
    def test_the_defaults_are_the_strictest_case(self):
        """A provider that nobody knows anything about tolerates nothing."""
        assert not ProviderTraits().tolerates_replay(ZERO)

    @pytest.mark.parametrize("window", [ZERO, -SECOND], ids=["zero", "negative"])
    def test_a_window_is_positive_or_none(self, window):
        """Zero would be no window."""
        with pytest.raises(ValueError, match=r"^replay_window must be longer than zero"):
            ProviderTraits(replay_window=window)

    def test_inside_the_window_a_replay_is_tolerated(self):
        """At its end no more."""
        traits = ProviderTraits(replay_window=SECOND)
        assert traits.tolerates_replay(ZERO)
        assert traits.tolerates_replay(SECOND - MOMENT)
        assert not traits.tolerates_replay(SECOND)

    def test_without_rotation_a_replay_is_always_tolerated(self):
        """The refresh token is no single-use one."""
        assert ProviderTraits(rotates=False).tolerates_replay(timedelta.max)


@pytest.mark.parametrize(
    ("traits", "seconds"),
    [
        ({}, 45),
        ({"replay_window": timedelta(seconds=30)}, 27.5),
        ({"replay_window": timedelta(seconds=29)}, 45),
        ({"replay_window": timedelta(seconds=47)}, 44.5),
        ({"replay_window": timedelta(hours=1)}, 45),
        ({"replay_window": timedelta(seconds=30), "rotates": False}, 45),
    ],
)
def test_a_lease_ends_while_a_replay_is_forgiven(traits, seconds):
    """If an exchange and its save fit into it, and something is left on either side."""
    assert RefreshPolicy().lease_at(ProviderTraits(**traits)) == timedelta(seconds=seconds)


def test_doubtful_links_are_held_where_somebody_looks_for_a_restored_database():
    """Which with no hold after a failover nobody does."""
    never = timedelta(0)
    with pytest.raises(ValueError, match=r"^hold_doubtful needs hold_after_failover"):
        RefreshPolicy(hold_doubtful=True, hold_after_failover=never)
    assert RefreshPolicy(hold_doubtful=True).hold_doubtful
    assert not RefreshPolicy(hold_after_failover=never).hold_doubtful
