"""How long a provider asks to be left alone, in whichever way it says so. Pure.

Three ways are in use. A wait: ``Retry-After`` and its relatives. A rate limit of three fields, of which one
says when it starts anew: under many prefixes, as an instant or a span, in seconds or thousandths, whole or
not. And the one field of the newer drafts. The tests have a table of who sends what, with the sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import Final

LONGEST_WAIT = timedelta(hours=1)
"""A longer one is cut to this, so that no answer switches refreshing off for a day."""

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_EARLIEST_EPOCH: Final = 1e9
"""A number from here on is an instant (September 2001 or later), below it is a span."""
_LATEST_EPOCH: Final = 1e11
"""An instant from here on is not in seconds (the year 5138), but in thousandths, or thousandths of these."""
_NO_INSTANT: Final = 1e20
"""Not even in nanoseconds."""

_WAITS: Final = ("retry-after", "x-retry-after")
_WAITS_IN_MILLISECONDS: Final = ("retry-after-ms", "x-ms-retry-after-ms")
_LIMITS: Final = (
    "x-ratelimit",
    "x-rate-limit",
    "ratelimit",
    "x-ratelimit-requests",
    "x-ratelimit-endpoint-requests",
    "fitbit-rate-limit",
)
"""Each with ``-remaining`` and ``-reset-after`` or ``-reset``."""

# draft-ietf-httpapi-ratelimit-headers: a dictionary in version 7, a list of quotas from version 8 on. A
# quoted name may hold any of the separators.
_QUOTA: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')
_QUOTA_NAME: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAMETER: Final = re.compile(r"\b(remaining|reset|r|t)\s*=\s*([0-9]{1,15})")

_LONGEST_QUOTAS: Final = 1000
"""In characters. Servers write a few dozen."""


def retry_after(headers: Mapping[str, str], now: datetime, *, limited: bool = False) -> timedelta | None:
    """Return the wait that an answer asks for, or None. Header names are lower case.

    ``Retry-After`` and its relatives as a span or an instant (RFC 9110 section 10.2.3), or else the latest
    reset of the rate limits that are used up. ``limited`` says that the answer is about a rate limit (status
    429): then one that does not say what remains is used up. Instants are compared with the answer's own
    ``Date``, so that this machine's clock does not matter. Positive, and at most :data:`LONGEST_WAIT`.
    """
    now = _date(headers.get("date")) or now
    asked = chain(
        (_span(headers.get(name), now) for name in _WAITS),
        (_milliseconds(headers.get(name)) for name in _WAITS_IN_MILLISECONDS),
    )
    wait = next((wait for wait in asked if wait is not None), None)
    if wait is None:
        wait = max(_used_up(headers, now, limited=limited), default=None)
    return None if wait is None or wait <= timedelta(0) else min(wait, LONGEST_WAIT)


def speaks_of_a_limit(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that it is about a limit reached: it asks to wait, or nothing remains.

    Many servers count in the headers of every answer, so that only a count of zero says it.
    """
    return (
        any(name in headers for name in (*_WAITS, *_WAITS_IN_MILLISECONDS))
        or any(_number(headers.get(f"{prefix}-remaining")) == 0 for prefix in _LIMITS)
        or any(_quotas(headers.get("ratelimit", "")))
    )


def _used_up(headers: Mapping[str, str], now: datetime, *, limited: bool) -> Iterator[timedelta]:
    for prefix in _LIMITS:
        remaining = headers.get(f"{prefix}-remaining")
        if _number(remaining) == 0 or (limited and remaining is None):
            reset_after = _span(headers.get(f"{prefix}-reset-after"), now)
            reset = reset_after or _span(headers.get(f"{prefix}-reset"), now)
            if reset is not None:
                yield reset
    yield from _quotas(headers.get("ratelimit", ""))


def _quotas(value: str) -> Iterator[timedelta]:
    value = value[:_LONGEST_QUOTAS]
    dictionary = dict(_PARAMETER.findall(_QUOTA_NAME.sub("", value)))
    if "remaining" in dictionary:
        if int(dictionary["remaining"]) == 0 and "reset" in dictionary:
            yield _bounded(float(dictionary["reset"]))
        return
    for quota in _QUOTA.findall(value):
        parameters = dict(_PARAMETER.findall(_QUOTA_NAME.sub("", quota)))
        if parameters.get("r") is not None and int(parameters["r"]) == 0 and "t" in parameters:
            yield _bounded(float(parameters["t"]))


def _number(value: str | None) -> float | None:
    text = (value or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _milliseconds(value: str | None) -> timedelta | None:
    number = _number(value)
    return None if number is None else _bounded(number / 1000)


def _span(value: str | None, now: datetime) -> timedelta | None:
    """Return the time from now to what the value says, a number or a date."""
    number = _number(value)
    if number is None:
        date = _date(value)
        return None if date is None else date - now
    if number < _EARLIEST_EPOCH or number >= _NO_INSTANT:
        return _bounded(number)
    while number >= _LATEST_EPOCH:
        number /= 1000
    return _bounded(number - now.timestamp())


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def _date(value: str | None) -> datetime | None:
    """Read a date of HTTP's or of ISO 8601; one without an offset is in UTC."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read((value or "").strip())
            return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
