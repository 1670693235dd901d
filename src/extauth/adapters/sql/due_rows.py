"""Rows of what is due: provider id, user id and when."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.domain.due import Due
from extauth.domain.link import LinkKey

_log: Final = logging.getLogger("extauth")


def due_links(rows: Iterable[IndexedRow], instant: Callable[[Any], datetime]) -> list[Due]:
    """Return what is due, without rows whose key is none: upkeep of all others must not end at one."""
    found: list[Due] = []
    for row in rows:
        try:
            found.append(Due(instant(row[2]), LinkKey(row[0], row[1])))
        except (ArithmeticError, TypeError, ValueError):
            _log.error("upkeep leaves out a row of external_auth_links that extauth cannot have written")
    return found
