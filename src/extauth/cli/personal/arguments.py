"""What the commands for one person take."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Final

_SPAN: Final = re.compile(r"(\d{1,7})(s|m|h)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}


def add_link(parser: argparse.ArgumentParser) -> None:
    """Take which link is meant."""
    parser.add_argument("provider", metavar="PROVIDER", help="its id, such as github or github/work")
    parser.add_argument("--user", metavar="ID", help="whose link; default: the user of the operating system")


def add_wish(parser: argparse.ArgumentParser) -> None:
    """Take what the token is to be like."""
    parser.add_argument("--resource", metavar="URI", help="a token for that resource (RFC 8707)")
    parser.add_argument(
        "--valid-for",
        type=_span,
        metavar="SPAN",
        help="refresh first what works for less: 90s, 15m, 2h; a wish, if the provider's live shorter",
    )


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None or not int(found[1]):
        msg = "is a span such as 90s, 15m or 2h"
        raise argparse.ArgumentTypeError(msg)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
