"""When trouble with single links speaks of their provider."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extauth.domain.link import LinkKey
from extauth.domain.provider_trouble import SEVERAL_REJECTED, SEVERAL_THROTTLED, Troubles

KEYS = [LinkKey("github", f"user-{number}") for number in range(5)]
KINDS = ["throttled", "invalid_client"]

FAILURES = st.tuples(st.sampled_from(KINDS), st.sampled_from(KEYS))
SUCCESSES = st.just(None)
SEVERAL = st.integers(1, SEVERAL_REJECTED)


def told(events):
    """What is known after these, one a second; None is a success that was asked for just before it came."""
    troubles = Troubles()
    for at, event in enumerate(events):
        before = troubles
        troubles = before.after_success(at - 0.5) if event is None else before.after_failure(*event, at)
    return troubles


@given(st.lists(FAILURES | SUCCESSES), SEVERAL)
def test_it_takes_different_links_that_fail_alike_since_the_last_success(events, several):
    """The whole rule, said another way."""
    since = events[len(events) - events[::-1].index(None) :] if None in events else events
    troubles = told(events)
    for kind in KINDS:
        different = {key for met, key in since if met == kind}
        assert troubles.of_provider(kind, several) == (len(different) >= several)


@given(st.lists(FAILURES.filter(lambda failure: failure[1] == KEYS[0])))
def test_one_link_alone_never_speaks_of_its_provider(events):
    """However often it fails, and in whatever ways."""
    troubles = told(events)
    assert not any(troubles.of_provider(kind, SEVERAL_THROTTLED) for kind in KINDS)


@given(st.lists(FAILURES), st.floats(0, 100), SEVERAL)
def test_a_success_that_was_asked_for_earlier_changes_nothing(events, earlier, several):
    """Only what was known when its request was sent is settled by it."""
    later = Troubles()
    for at, event in enumerate(events, start=101):
        later = later.after_failure(*event, at)
    after = later.after_success(earlier)
    for kind in KINDS:
        assert after.of_provider(kind, several) == later.of_provider(kind, several)


@given(st.permutations(KEYS[:3]))
def test_the_order_of_the_links_does_not_matter(keys):
    """Any three are several."""
    troubles = told([("invalid_client", key) for key in keys])
    assert troubles.of_provider("invalid_client", SEVERAL_REJECTED)
    assert not told([("invalid_client", key) for key in keys[:2]]).of_provider(
        "invalid_client", SEVERAL_REJECTED
    )


def test_little_is_remembered():
    """As many links as count, the latest, and no kind of trouble that is over."""
    troubles = told([("throttled", LinkKey("github", f"user-{number}")) for number in range(1000)])
    assert list(troubles.met) == ["throttled"]
    assert len(troubles.met["throttled"]) == SEVERAL_REJECTED
    assert troubles.after_success(1000).met == {}
