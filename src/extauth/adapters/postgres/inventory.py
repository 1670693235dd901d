"""Listing the links of a Postgres database."""

from __future__ import annotations

from typing import Final

from extauth.adapters.postgres.row import optional_instant
from extauth.adapters.postgres.rows import micros
from extauth.adapters.sql.inventory import MARKED_INDEX, Dialect
from extauth.domain.inventory import SOON

INVENTORY_TABLES: Final = (MARKED_INDEX,)

POSTGRES: Final = Dialect(
    parameter="$",
    now="clock_timestamp()",
    soon=f"clock_timestamp() + {micros(SOON)} * interval '1 microsecond'",
    write_instant=lambda instant: instant,
    read_instant=optional_instant,
)
