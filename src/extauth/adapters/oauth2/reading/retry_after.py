"""How long a provider asks to be left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_WAIT = timedelta(hours=1)
"""A longer one is cut to this, so that no answer switches refreshing off for a day."""

_SECONDS = re.compile(r"[0-9]+")
_EARLIEST_EPOCH = 1_000_000_000
"""A rate limit's reset from here on is an instant (September 2001 or later), below it is a span."""


def _whole(value: str | None) -> int | None:
    text = (value or "").strip()
    if not _SECONDS.fullmatch(text):
        return None
    # Twelve digits are beyond any cap; more could be too many for int().
    return int(text[:12])


def _until_date(value: str, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return date - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _until_reset(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    for prefix in ("x-ratelimit", "ratelimit"):
        reset = _whole(headers.get(f"{prefix}-reset"))
        if reset is not None and _whole(headers.get(f"{prefix}-remaining")) == 0:
            return timedelta(seconds=reset - now.timestamp() if reset >= _EARLIEST_EPOCH else reset)
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the wait that an answer asks for, or None. Header names are lower case.

    ``Retry-After`` as seconds or as a date (RFC 9110 section 10.2.3), or else the reset of a rate limit
    that is used up, as several providers send it. Positive, and at most :data:`LONGEST_WAIT`.
    """
    value = headers.get("retry-after", "").strip()
    seconds = _whole(value)
    if seconds is not None:
        wait: timedelta | None = timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))
    else:
        wait = (_until_date(value, now) if value else None) or _until_reset(headers, now)
    if wait is None or wait <= timedelta(0):
        return None
    return min(wait, LONGEST_WAIT)
