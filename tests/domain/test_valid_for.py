"""A caller wants a token that works for some time: the decision, for every lifetime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from extauth import Link, LinkKey, PendingExchange, ProviderTraits, RefreshFailure, RefreshPolicy, TokenSet
from extauth.domain.freshness import (
    SATISFIABLE_SHARE,
    Decision,
    Refresh,
    Serve,
    ServeAndRefresh,
    decide,
    outlived,
    too_short,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
SPANS = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400))


def link_with(left: timedelta, lifetime: timedelta = HOUR, **changes: Any) -> Link:
    """Return a link, refreshed before, whose token of that lifetime works for ``left`` from now on."""
    issued_at = NOW + left - lifetime
    tokens = TokenSet("at", "rt", NOW + left, issued_at=issued_at)
    return attrs.evolve(Link(LinkKey("p", "alice"), tokens, 7, NOW, NOW), **changes)


def decided(link: Link, valid_for: timedelta | None) -> Decision:
    """Say what is decided."""
    return decide(link, NOW, RefreshPolicy(), ProviderTraits(), valid_for=valid_for)


@pytest.mark.parametrize(
    ("left", "valid_for", "expected"),
    [
        (30 * MINUTE, None, Serve()),
        (30 * MINUTE, 30 * MINUTE, Serve()),
        (30 * MINUTE, 30 * MINUTE + MOMENT, Refresh()),
        (54 * MINUTE - MOMENT, 54 * MINUTE, Refresh()),
        (MINUTE, MINUTE, ServeAndRefresh()),
        (MINUTE, None, ServeAndRefresh()),
        # More than the provider's tokens can be had for.
        (31 * MINUTE, 54 * MINUTE + MOMENT, Serve()),
        (30 * MINUTE - MOMENT, 54 * MINUTE + MOMENT, Refresh()),
        (30 * MINUTE, 99 * HOUR, Serve()),
    ],
)
def test_a_token_that_is_too_short_is_refreshed_first(
    left: timedelta, valid_for: timedelta | None, expected: Decision
) -> None:
    """As long as that can help."""
    assert decided(link_with(left), valid_for) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"failure": RefreshFailure("server_error", NOW - MINUTE, 7, retry_at=NOW + MINUTE)},
        {"failure": RefreshFailure("invalid_grant", NOW - MINUTE, 7)},
        {"pending": PendingExchange(NOW - MINUTE, live=False)},
        {"tokens": TokenSet("at", None, NOW + 30 * MINUTE, issued_at=NOW - 30 * MINUTE)},
        {"tokens": TokenSet("at", "rt", None, issued_at=NOW - 30 * MINUTE)},
    ],
)
def test_what_speaks_against_a_refresh_wins(changes: Any) -> None:
    """A token that works is handed out rather than none."""
    assert decided(link_with(30 * MINUTE, **changes), 40 * MINUTE) == Serve()


def test_another_replicas_exchange_is_waited_for() -> None:
    """It brings what is wanted."""
    pending = PendingExchange(NOW - MINUTE, live=True)
    assert decided(link_with(30 * MINUTE, pending=pending), 40 * MINUTE) == Refresh()


@pytest.mark.parametrize("unknown", ["version", "issued_at"])
def test_where_nothing_is_known_of_the_lifetime_a_refresh_is_tried(unknown: str) -> None:
    """The token that a link was made with need not be like those that a refresh brings."""
    link = link_with(MINUTE, lifetime=MINUTE)
    assert outlived(link, HOUR) == MINUTE
    link = (
        attrs.evolve(link, version=1)
        if unknown == "version"
        else attrs.evolve(link, tokens=attrs.evolve(link.tokens, issued_at=None))
    )
    assert outlived(link, HOUR) is None
    assert decided(link, HOUR) == Refresh()


@given(lifetime=SPANS, valid_for=SPANS)
def test_no_refresh_in_vain(lifetime: timedelta, valid_for: timedelta) -> None:
    """A token that was just got is never too short, whatever is wanted: else each call would refresh it."""
    assert not too_short(link_with(lifetime, lifetime), NOW, valid_for)


@given(lifetime=SPANS, valid_for=SPANS, gone=st.floats(0, 1))
def test_refreshes_of_one_link_are_a_tenth_of_a_life_apart(
    lifetime: timedelta, valid_for: timedelta, gone: float
) -> None:
    """However many call, and whatever they want."""
    if too_short(link_with(lifetime * (1 - gone), lifetime), NOW, valid_for):
        assert gone * lifetime >= lifetime * (1 - SATISFIABLE_SHARE) - 2 * MOMENT


@given(lifetime=SPANS, valid_for=SPANS, gone=st.floats(0, 1))
def test_what_is_handed_out_works_for_so_long(lifetime: timedelta, valid_for: timedelta, gone: float) -> None:
    """Where the provider's tokens can be had for it."""
    link = link_with(lifetime * (1 - gone), lifetime)
    assume(outlived(link, valid_for) is None)
    assert too_short(link, NOW, valid_for) is (lifetime * (1 - gone) < valid_for)


@given(left=SPANS, lifetime=SPANS)
def test_nothing_changes_for_who_wants_nothing(left: timedelta, lifetime: timedelta) -> None:
    """Without ``valid_for`` no token is too short."""
    assert not too_short(link_with(left, lifetime), NOW, None)
