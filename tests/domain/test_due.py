"""When a link is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth.domain.due import Due, DueBy, due_at
from extauth.domain.link import Link, LinkKey, RefreshFailure
from extauth.domain.token_set import TokenSet

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EXPIRY, HALF_LIFE, AGE = DueBy


def link(failure: RefreshFailure | None = None, **changes: Any) -> Link:
    """Return a link that was written at noon."""
    values: dict[str, Any] = {"expires_at": NOON + HOUR, "refresh_token": "rt", **changes}
    return Link(LinkKey("github", "alice"), TokenSet("at", **values), 1, NOON - DAY, NOON, failure=failure)


def times(link: Link) -> list[datetime | None]:
    """Return when it is due by each of the times."""
    return [due_at(link, by) for by in DueBy]


def test_each_time_is_another():
    """Expiry of the access token; half way to the refresh token's end; else when it was written."""
    assert times(link()) == [NOON + HOUR, None, NOON]
    assert times(link(refresh_token_expires_at=NOON + 10 * DAY)) == [NOON + HOUR, NOON + 5 * DAY, None]
    assert times(link(expires_at=None)) == [None, None, NOON]


def test_half_of_an_odd_time_is_rounded_down():
    """To the microsecond."""
    odd = timedelta(microseconds=3)
    assert due_at(link(refresh_token_expires_at=NOON + odd), HALF_LIFE) == NOON + timedelta(microseconds=1)


@pytest.mark.parametrize("end", [NOON, NOON - DAY])
def test_an_end_that_was_outlived_is_none(end):
    """The link was written at it or later, and works on: nobody knows its end."""
    assert times(link(refresh_token_expires_at=end)) == [NOON + HOUR, None, NOON]


def test_without_a_refresh_token_nothing_is_due():
    """There is nothing to refresh with."""
    assert times(link(refresh_token=None, refresh_token_expires_at=NOON + DAY)) == [None, None, None]


def test_what_is_dead_is_not_due():
    """Until its mark is lifted."""
    dead = RefreshFailure("invalid_grant", NOON, 1)
    assert times(link(dead)) == times(link(dead, refresh_token_expires_at=NOON + DAY)) == [None, None, None]


def test_what_failed_is_due_when_it_may_be_tried():
    """And not earlier than without the mark. Age is age."""
    failed = RefreshFailure("http_503", NOON, 1, retry_at=NOON + 7 * DAY)
    known = link(failed, refresh_token_expires_at=NOON + 10 * DAY)
    assert times(known) == [NOON + 7 * DAY, NOON + 7 * DAY, None]
    soon = attrs.evolve(known, failure=attrs.evolve(failed, retry_at=NOON))
    assert times(soon) == [NOON + HOUR, NOON + 5 * DAY, None]
    assert due_at(link(failed), AGE) == NOON


def test_order_is_by_time_and_then_by_key():
    """As stores list them."""
    keys = [LinkKey("github", "b"), LinkKey("github/work", "a")]
    due = [Due(NOON, keys[0]), Due(NOON, keys[1]), Due(NOON + HOUR, LinkKey("github", "a"))]
    assert sorted({*due}) == due
