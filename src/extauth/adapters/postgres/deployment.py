"""Faults of a deployment that no waiting mends, found when a store is entered, and what is to be done."""

from __future__ import annotations

import re

import asyncpg

from extauth.adapters.postgres.failures import DriverError
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.schema import TABLES
from extauth.adapters.postgres.sending import fetch_whole
from extauth.domain.errors import ConfigurationError, StoreUnavailable

_NO_RIGHT = "the Postgres role may not use or make extauth's tables; grant it that, or migrate as owner"
_NOT_KNOWN = (
    "the Postgres server refuses the user with this password, or knows no such role; set both right in the"
    " address"
)
_NO_DATABASE = "the Postgres server has no such database; create it, or name the right one in the address"
_NO_OPTION = (
    "the Postgres address has an option with a value that the server, or the pooler before it, does not take;"
    " correct or remove it"
)
_READ_ONLY = (
    "the Postgres session is read-only, and the store writes: default_transaction_read_only is on, for the"
    " role, the database, the server or in the address; set it off there"
)
_STANDBY = (
    "the Postgres server is a standby, which takes no writes; until it is promoted the store cannot be used."
    " Name the primary in the address, or all servers: postgresql://user@one,two/database"
)

_BY_STATE = {
    "22023": _NO_OPTION,
    "25006": _READ_ONLY,
    "28000": (
        "the Postgres server does not let the user in: there is no such role, it may not log in, or"
        " pg_hba.conf has no line for this user, database, host and encryption"
    ),
    "28P01": _NOT_KNOWN,
    "3D000": _NO_DATABASE,
    "3F000": (
        "the Postgres role may use no schema to keep extauth's tables in; grant it USAGE on one (and CREATE,"
        " or migrate as owner), or set its search_path"
    ),
    "42501": _NO_RIGHT,
    "55P02": _NO_OPTION,
}

# A pooler's own refusals have one SQLSTATE, 08P01, which its passing troubles have, too (PgBouncer 1.18).
_OF_A_POOLER = (
    (re.compile("password authentication failed|no such user"), _NOT_KNOWN),
    (re.compile(r'no such database|database ".*" does not exist'), _NO_DATABASE),
    (re.compile("unsupported startup parameter"), _NO_OPTION),
)


def permanent(error: DriverError) -> str | None:
    """Say what is to be done about an error that is the same however often one tries; None for another.

    It is of opening a store: of one in use the same may be an operator's passing mistake.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return None
    if error.sqlstate == "08P01":
        return next((problem for said, problem in _OF_A_POOLER if said.search(str(error))), None)
    return _BY_STATE.get(str(error.sqlstate))


_WRITABLE = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), version()"


async def check_writable(connection: Connection) -> str:
    """Refuse a session in which nothing can be written. Return what the server says that it is.

    :raises ConfigurationError: if somebody has set that up.
    :raises StoreUnavailable: if the server is a standby, which may be promoted.
    """
    rows = await fetch_whole(connection, _WRITABLE)
    standby, read_only, version = rows[0]
    if standby:
        raise StoreUnavailable(_STANDBY)
    if read_only == "on":
        raise ConfigurationError(_READ_ONLY)
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
