"""A store that has lost its last writes, told from one that has newer ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Account, GrantOrigin, Link, LinkKey, TokenSet
from extauth.domain.lost_writes import fell_back, put_back_by_another, says_more, was_put_back

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
KNOWN = Link(LinkKey("p", "alice"), TokenSet("at", "rt"), 3, NOW, NOW)


@pytest.mark.parametrize(
    ("version", "written_later", "expected"),
    [
        (2, -MOMENT, True),
        (2, timedelta(0), True),
        (2, MOMENT, False),
        (3, -MOMENT, False),
        (3, timedelta(0), False),
        (4, -MOMENT, False),
    ],
)
def test_an_older_state_has_a_lower_version_and_no_later_time(version, written_later, expected):
    """A lower version that was written since is a new authorization."""
    stored = attrs.evolve(KNOWN, version=version, updated_at=NOW + written_later)
    assert fell_back(stored, KNOWN) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"access_token": "at-0"}, False), ({"refresh_token": "rt-0"}, False)],
)
def test_tokens_that_were_put_back_are_the_very_same(changes, expected):
    """Whatever version they are stored under, and whenever."""
    tokens = attrs.evolve(KNOWN.tokens, **changes)
    stored = attrs.evolve(KNOWN, tokens=tokens, version=7, updated_at=NOW + MOMENT)
    assert was_put_back(stored, KNOWN) is expected


HERS, HIS = Account("hers"), Account("his")
OWN = GrantOrigin("own", "https://as.example/token")


@pytest.mark.parametrize(
    ("stored", "known", "expected"),
    [
        ({}, {}, False),
        ({"account": HERS}, {}, True),
        ({"account": HERS}, {"account": HERS}, False),
        ({"account": HERS}, {"account": HIS}, True),
        ({}, {"account": HERS}, False),
        ({"origin": OWN}, {}, True),
        ({"origin": OWN}, {"origin": OWN}, False),
        ({}, {"origin": OWN}, False),
        ({"account": HERS, "origin": OWN}, {"account": HERS}, True),
    ],
)
def test_an_older_state_may_say_what_is_not_known(stored, known, expected):
    """What it alone says is not true of newer tokens; of the very same ones it is."""
    older = attrs.evolve(KNOWN, version=2, tokens=TokenSet("at-0", "rt-0"), **stored)
    assert says_more(older, attrs.evolve(KNOWN, **known)) is expected
    assert says_more(attrs.evolve(older, tokens=KNOWN.tokens), attrs.evolve(KNOWN, **known)) is False


@pytest.mark.parametrize(
    ("version", "later", "same", "expected"),
    [
        (0, MOMENT, True, True),
        (-1, MOMENT, True, True),
        (1, MOMENT, True, False),
        (0, MOMENT * 0, True, False),
        (-1, MOMENT, False, False),
    ],
)
def test_what_another_has_mended(version, later, same, expected):
    """The same tokens, written later under a version that was there before."""
    tokens = KNOWN.tokens if same else attrs.evolve(KNOWN.tokens, refresh_token="rt-other")
    stored = attrs.evolve(
        KNOWN, tokens=tokens, version=KNOWN.version + version, updated_at=KNOWN.updated_at + later
    )
    assert put_back_by_another(stored, KNOWN) is expected
