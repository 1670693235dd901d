"""Numbers on the command line."""

from __future__ import annotations

import argparse


def at_least_one(text: str) -> int:
    """Read a number."""
    number = int(text)
    if number < 1:
        msg = f"must be at least 1, not {text}"
        raise argparse.ArgumentTypeError(msg)
    return number
