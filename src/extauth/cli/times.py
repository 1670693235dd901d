"""Moments on the command line: a date, or how far away."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SPAN: Final = re.compile(r"(\d{1,7})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def ahead(text: str) -> datetime:
    """Read a moment; a span is from now on."""
    return _moment(text, 1)


def ago(text: str) -> datetime:
    """Read a moment; a span is back from now."""
    return _moment(text, -1)


def _moment(text: str, direction: int) -> datetime:
    if found := _SPAN.fullmatch(text):
        return datetime.now(UTC) + direction * timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = "is a span such as 90s, 15m, 2h or 7d, or a date such as 2026-11-29T12:00Z"
        raise argparse.ArgumentTypeError(msg) from None
    # Without an offset it is the operator's own time, as their clock and their logs have it.
    return moment.astimezone(UTC)


def written(moment: datetime | None) -> str | None:
    """Write a moment as JSON has it."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


def shown(moment: datetime | None) -> str:
    """Write a moment for people, in UTC, to the second."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
