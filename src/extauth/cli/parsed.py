"""Numbers on the command line."""

from __future__ import annotations

import argparse
import math


def whole(text: str) -> int:
    """Read a whole number, which may be below zero."""
    try:
        return int(text)
    except ValueError:
        msg = f"must be a whole number, not {text!r}"
        raise argparse.ArgumentTypeError(msg) from None


def at_least_one(text: str) -> int:
    """Read a number of things."""
    if (number := whole(text)) < 1:
        msg = f"must be at least 1, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return number


def more_than_zero(text: str) -> float:
    """Read an amount, which has an end."""
    if (number := _amount(text)) > 0:
        return number
    msg = f"must be more than zero, not {text}"
    raise argparse.ArgumentTypeError(msg)


def at_least_zero(text: str) -> float:
    """Read an amount, which has an end, or nothing."""
    if (number := _amount(text)) >= 0:
        return number
    msg = f"must be zero or more, not {text}"
    raise argparse.ArgumentTypeError(msg)


def _amount(text: str) -> float:
    """Read a number; what is none, or has no end, is not a number at all."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
