"""When trouble with single links speaks of their provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.domain.link import LinkKey
from extauth.domain.provider_trouble import (
    SEVERAL_REJECTED,
    SEVERAL_THROTTLED,
    Troubles,
    speaks_of_client,
)

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


@given(st.lists(FAILURES | SUCCESSES), st.sampled_from(KINDS), SEVERAL)
def test_dead_links_say_it_once(events, kind, several):
    """Links that fail again as they failed before add nothing, however often others succeed between."""
    dead = KEYS[:several]
    troubles = told([(kind, key) for key in dead]).after_success(100)
    for at, event in enumerate([*events, *[(kind, key) for key in dead]], start=101):
        if event is None:
            troubles = troubles.after_success(at - 0.5)
        elif event[1] in dead:
            troubles = troubles.after_failure(kind, event[1], at, last=kind)
    assert not troubles.of_provider(kind, 1)


@given(st.lists(st.floats(0, 1000), min_size=3, max_size=3), st.floats(0, 1000))
def test_what_is_long_ago_does_not_count(times, since):
    """Only trouble met from a given time on has one cause with what is met now."""
    troubles = Troubles()
    for key, at in zip(KEYS, times, strict=False):
        troubles = troubles.after_failure("invalid_client", key, at)
    recent = sum(at >= since for at in times)
    for several in range(1, 4):
        assert troubles.of_provider("invalid_client", several, since=since) == (recent >= several)


@pytest.mark.parametrize(
    ("code", "of_client"),
    [
        ("invalid_client", True),
        ("bad_client_secret", True),
        ("unsupported_grant_type", True),
        ("invalid_request", False),
        ("invalid_scope", False),
        ("invalid_target", False),
        ("invalid_resource", False),
        ("redirect_uri_mismatch", False),
        ("unauthorized_client", False),
    ],
)
def test_which_refusals_can_be_about_the_client(code, of_client):
    """Of the standard's codes only invalid_client is about who asks (RFC 6749 section 5.2)."""
    assert of_client == speaks_of_client(code)


@given(st.permutations(KEYS[:3]))
def test_the_order_of_the_links_does_not_matter(keys):
    """Any three are several."""
    troubles = told([("invalid_client", key) for key in keys])
    assert troubles.of_provider("invalid_client", SEVERAL_REJECTED)
    assert not told([("invalid_client", key) for key in keys[:2]]).of_provider(
        "invalid_client", SEVERAL_REJECTED
    )


def test_a_success_settles_what_came_in_as_it_was_asked_for():
    """Trouble of that very instant was known; trouble of a later one was not."""
    troubles = Troubles().after_failure("throttled", KEYS[0], 7.0).after_failure("throttled", KEYS[1], 8.0)
    assert troubles.after_success(7.0).met == {"throttled": {KEYS[1]: 8.0}}


@given(st.permutations(KEYS))
def test_the_latest_are_remembered(keys):
    """Whatever the links are called."""
    troubles = told([("throttled", key) for key in keys])
    assert set(troubles.met["throttled"]) == set(keys[-SEVERAL_REJECTED:])


def test_little_is_remembered():
    """As many links as count, the latest, and no kind of trouble that is over."""
    troubles = told([("throttled", LinkKey("github", f"user-{number}")) for number in range(1000)])
    assert list(troubles.met) == ["throttled"]
    assert len(troubles.met["throttled"]) == SEVERAL_REJECTED
    assert troubles.after_success(1000).met == {}
