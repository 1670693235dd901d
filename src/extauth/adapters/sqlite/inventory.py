"""Listing the links of a SQLite file."""

from __future__ import annotations

from typing import Final

from extauth.adapters.sql.inventory import MARKED_INDEX, Dialect
from extauth.adapters.sqlite.row import instant_to_micros, optional_instant
from extauth.adapters.sqlite.rows import micros
from extauth.adapters.sqlite.statements import NOW
from extauth.domain.inventory import SOON

INVENTORY_TABLES: Final = (MARKED_INDEX,)

SQLITE: Final = Dialect(
    parameter="?",
    now=f"({NOW})",
    soon=f"({NOW} + {micros(SOON)})",
    write_instant=instant_to_micros,
    read_instant=optional_instant,
)
