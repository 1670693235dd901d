from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from extauth.adapters.oauth2.reading.retry_after import LONGEST_WAIT, retry_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30", timedelta(seconds=30)),
        (" 30 ", timedelta(seconds=30)),
        ("3600", LONGEST_WAIT),
        ("86400", LONGEST_WAIT),
        ("9" * 5000, LONGEST_WAIT),
        ("Fri, 02 Jan 2026 03:05:05 GMT", timedelta(minutes=1)),
        ("Fri, 02 Jan 2026 03:05:05 -0000", timedelta(minutes=1)),
        ("Friday, 02-Jan-26 03:05:05 GMT", timedelta(minutes=1)),
        ("Fri, 02 Jan 2027 03:05:05 GMT", LONGEST_WAIT),
        ("Fri, 02 Jan 2026 03:04:05 GMT", None),
        ("Fri, 02 Jan 2025 03:04:05 GMT", None),
        ("Fri, 99 Jan 2026 03:04:05 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
        ("0", None),
        ("-5", None),
        ("1.5", timedelta(seconds=1.5)),
        ("٣", None),
        ("soon", None),
        ("", None),
    ],
)
def test_both_forms_are_read_and_bounded(value: str, expected: timedelta | None) -> None:
    """RFC 9110 section 10.2.3: seconds or a date; nothing negative, and at most the cap."""
    assert expected == retry_after({"retry-after": value}, NOW)


def test_no_header_asks_for_nothing() -> None:
    """Most answers name no wait."""
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "90"}, timedelta(seconds=90)),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 60)},
            timedelta(minutes=1),
        ),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "15"}, timedelta(seconds=15)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 40}, LONGEST_WAIT),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000000000"}, None),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "90"}, None),
        ({"x-ratelimit-reset": "90"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "later"}, None),
        (
            {"retry-after": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "90"},
            timedelta(seconds=5),
        ),
    ],
)
def test_a_used_up_rate_limit_asks_to_wait_for_its_reset(
    headers: dict[str, str], expected: timedelta | None
) -> None:
    """Where there is no Retry-After, the rate limit headers tell."""
    assert expected == retry_after(headers, NOW)
