"""Making something of a row that may hold what nobody can have written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from extauth.domain.errors import StoreUnavailable

R = TypeVar("R")
T = TypeVar("T")


def readable(make: Callable[[R], T], row: R) -> T:
    """Return what ``make`` makes of the row.

    :raises StoreUnavailable: if it cannot: the row is damaged, or was changed by hand.
    """
    try:
        return make(row)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        msg = "a row of extauth's tables cannot be read; restore it, or delete it and let the user reconnect"
        unreadable = StoreUnavailable(msg)
    # Out of the handler, so that the other error is not the context of ours: it may quote the row.
    raise unreadable
