"""Listing the links of a SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extauth.adapters.sql.inventory import MARKED_INDEX, Dialect
from extauth.adapters.sqlite.row import instant_to_micros, optional_instant
from extauth.adapters.sqlite.rows import micros
from extauth.adapters.sqlite.statements import NOW
from extauth.adapters.sqlite.unseen import Parameters
from extauth.domain.inventory import SOON

INVENTORY_TABLES: Final = (MARKED_INDEX,)


def named(values: Sequence[object]) -> Parameters:
    """Give the values their names: Python 3.14 counts `?1` as a name, too, and takes no list for it."""
    return Parameters({f"v{number}": value for number, value in enumerate(values, 1)})


SQLITE: Final = Dialect(
    parameter=":v",
    now=f"({NOW})",
    soon=f"({NOW} + {micros(SOON)})",
    write_instant=instant_to_micros,
    read_instant=optional_instant,
)
