"""An API that refuses new tokens as well: a refresh for each call would be in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from extauth import LinkKey, TokenSet
from extauth.domain.policy import Backoff
from extauth.services.refresh import refused_anew as module
from extauth.services.refresh.refused_anew import RefusedAnew
from tests.support.clocks import LeapingClock

ALICE, BOB = LinkKey("example", "alice"), LinkKey("example", "bob")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def issued(number: int) -> TokenSet:
    """Return tokens; each number has others."""
    return TokenSet(f"at-{number}", issued_at=BEGAN + timedelta(seconds=number))


@pytest.fixture
def clock():
    """Time as a test says."""
    return LeapingClock()


@pytest.fixture
def refused(clock):
    """Nothing is known yet."""
    return RefusedAnew(clock, Backoff(initial=timedelta(seconds=1), maximum=timedelta(seconds=5)))


def pause(refused, clock, tokens) -> int:
    """Return for how many seconds another refresh would be in vain."""
    seconds = 0
    while refused.in_vain(ALICE, tokens):
        clock.advance(timedelta(seconds=1))
        seconds += 1
    return seconds


def test_others_are_got_ever_more_rarely(refused, clock):
    """Each new token that is refused makes the pause longer, up to the policy's longest."""
    pauses = []
    for number in range(5):
        refused.note(ALICE, issued(number))
        pauses.append(pause(refused, clock, issued(number)))
    assert pauses == [1, 2, 4, 5, 5]


def test_a_token_that_several_showed_counts_once(refused, clock):
    """They were all refused the same."""
    for _ in range(10):
        refused.note(ALICE, issued(1))
    assert pause(refused, clock, issued(1)) == 1


def test_a_row_ends_after_an_hour(refused, clock):
    """What is refused then has another reason."""
    for number in range(4):
        refused.note(ALICE, issued(number))
    clock.advance(timedelta(hours=1))
    refused.note(ALICE, issued(9))
    assert pause(refused, clock, issued(9)) == 1


def test_it_is_said_of_that_token_alone(refused):
    """Not of another one of the link, of another link, or of one for a resource."""
    refused.note(ALICE, issued(1))
    refused.note(ALICE, issued(2), "https://api.example")
    assert refused.in_vain(ALICE, issued(1))
    assert refused.in_vain(ALICE, issued(2), "https://api.example")
    assert not refused.in_vain(ALICE, issued(2))
    assert not refused.in_vain(BOB, issued(1))
    assert not refused.in_vain(ALICE, issued(1), "https://api.example")


def test_nothing_is_said_of_a_token_that_nobody_can_tell_from_others(refused):
    """A provider of the application's own may not say when it was issued."""
    refused.note(ALICE, TokenSet("at"))
    assert not refused.in_vain(ALICE, TokenSet("at"))


def test_an_operator_is_told_once(refused, caplog):
    """At the first of a row, and by no token."""
    refused.note(ALICE, issued(1))
    [record] = caplog.records
    for number in (2, 3):
        refused.note(ALICE, issued(number))
    assert caplog.records == [record]
    assert "new access tokens of 'alice', too" in record.getMessage()
    assert "at-" not in record.getMessage()


def test_those_long_past_are_forgotten(refused, clock):
    """The memory does not grow with the users who were ever refused; who is refused again stays."""
    refused.note(BOB, issued(1))
    for number in range(10):
        refused.note(LinkKey("example", str(number)), issued(number))
    clock.advance(timedelta(minutes=30))
    refused.note(BOB, issued(2))
    clock.advance(timedelta(minutes=30))
    refused.note(ALICE, issued(1))
    assert list(refused._known) == [(BOB, None), (ALICE, None)]


def test_no_more_than_so_many_are_known(refused, monkeypatch):
    """Of very many the one that was refused the longest ago is forgotten, which costs it one refresh."""
    monkeypatch.setattr(module, "_MOST", 3)
    for number in (1, 2, 3, 4):
        refused.note(LinkKey("example", str(number)), issued(number))
    assert [key.user_id for key, _ in refused._known] == ["2", "3", "4"]
