"""Faults of a deployment that no waiting mends, found when a store is entered, and what is to be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.schema import TABLES
from extauth.adapters.postgres.sending import fetch_whole
from extauth.adapters.postgres.sqlstates import READ_ONLY
from extauth.domain.errors import ConfigurationError, StoreUnavailable

_OTHERWISE = (
    "the pool's connections give intervals, times or texts as other types than asyncpg does (set_type_codec),"
    " and the store reads its rows by them; give extauth a pool of its own (open_store), or this one no such"
    " codec"
)
_STANDBY = (
    "the Postgres server is a standby, which takes no writes; until it is promoted the store cannot be used."
    " Name the primary in the address, or all servers: postgresql://user@one,two/database"
)

_DECODED = (timedelta(days=1, seconds=1), datetime(1970, 1, 1, tzinfo=UTC), "text", b"\x00", 1)
_WRITABLE = """SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), version(),
  interval '1 day 1 second', timestamptz 'epoch', text 'text', decode('00', 'hex'), bigint '1'"""


async def check_writable(connection: Connection) -> str:
    """Refuse a session in which nothing can be written, or read. Return what the server says that it is.

    :raises ConfigurationError: if somebody has set that up.
    :raises StoreUnavailable: if the server is a standby, which may be promoted.
    """
    rows = await fetch_whole(connection, _WRITABLE)
    standby, read_only, version, *decoded = rows[0]
    if tuple(decoded) != _DECODED:
        raise ConfigurationError(_OTHERWISE)
    if standby:
        raise StoreUnavailable(_STANDBY)
    if read_only == "on":
        raise ConfigurationError(READ_ONLY)
    return str(version)


# A right on a single column counts: which columns there are besides, and who fills them, is not ours to say.
MISSING = """SELECT name, "right", to_regclass(name) IS NULL
FROM unnest($1::text[], $2::text[]) AS needed (name, "right")
WHERE NOT coalesce(CASE "right" WHEN 'DELETE' THEN has_table_privilege(to_regclass(name), "right")
  ELSE has_any_column_privilege(to_regclass(name), "right") END, false)"""


async def check_rights(connection: Connection) -> None:
    """Refuse a role that may not do to each table what the store does.

    :raises ConfigurationError: it names the tables and the rights.
    """
    needed = [(table, right) for table, rights in TABLES.items() for right in rights]
    missing = await fetch_whole(connection, MISSING, *map(list, zip(*needed, strict=True)))
    if gone := sorted({name for name, _, is_gone in missing if is_gone}):
        msg = (
            f"the Postgres database has no table {', '.join(gone)}, or the role may not use its schema;"
            " restore what is missing, or set the search_path"
        )
        raise ConfigurationError(msg)
    if missing:
        rights = ", ".join(f"{right} on {name}" for name, right, _ in missing)
        msg = f"the Postgres role lacks a right that the store needs; grant it {rights}"
        raise ConfigurationError(msg)
