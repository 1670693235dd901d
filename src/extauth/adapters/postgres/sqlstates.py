"""What a server's refusal means to whoever looks after the deployment, by its SQLSTATE.

The codes: https://www.postgresql.org/docs/17/errcodes-appendix.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import asyncpg

READ_ONLY: Final = (
    "the Postgres session is read-only, and the store writes: default_transaction_read_only is on, for the"
    " role, the database, the server or in the address; set it off there"
)
_NO_RIGHT: Final = (
    "the Postgres role may not use or make extauth's tables; grant it that, or migrate as owner"
)
_NOT_KNOWN: Final = (
    "the Postgres server refuses the user with this password, or knows no such role; set both right in the"
    " address"
)
_NO_DATABASE: Final = (
    "the Postgres server has no such database; create it, or name the right one in the address"
)
_NO_OPTION: Final = (
    "the Postgres address has an option with a value that the server, or the pooler before it, does not take;"
    " correct or remove it"
)
_OTHER_TABLES: Final = (
    "extauth's tables in the Postgres database are not as it has made them, or others have their names"
    " ({said}); undo what was changed, restore them, or set the search_path"
)
_REFUSED_ROW: Final = (
    "a constraint, index or column that is not extauth's refuses what is written to its tables ({named});"
    " drop it, or give it a default"
)
_NUMBERS: Final = (
    "the numbers of {table} begin below those that are there, as in a copy by logical replication; as the"
    " owner of {table} run: {onward}"
)

_PERMANENT: Final[Mapping[str, str]] = {
    "22023": _NO_OPTION,
    "25006": READ_ONLY,
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

_IN_USE: Final[Mapping[str, str]] = {
    **{code: _PERMANENT[code] for code in ("28000", "28P01", "3D000", "3F000")},
    "42501": (
        "the Postgres role may not do what the store does ({said}); grant it what extauth schema postgres"
        " --role NAME prints"
    ),
    "22001": (
        "a column of extauth's tables takes less text than is to be written: they were made without a limit;"
        " ALTER it back to type text"
    ),
    "53100": "the disk of the Postgres server is full; nothing was written",
    "55P03": (
        "a lock of another session was in the way for longer than lock_timeout; look for one that has left a"
        " transaction open"
    ),
    "57014": (
        "the Postgres server has ended a statement ({said}); look at statement_timeout, and for a session"
        " that has left a transaction open"
    ),
}
"""What the same and others mean to a store that is open."""

_NO_TENANT: Final = (
    "the pooler before the Postgres server knows no such user or tenant; take host and user as its operator"
    " shows them, at Supabase with the project after the user's name (postgres.PROJECT)"
)

# A pooler's own refusals have one SQLSTATE, which its passing troubles have, too: 08P01 (PgBouncer 1.18), or
# XX000 (Supavisor: supabase.com/docs, "Tenant or user not found", read 2026-11-30).
_POOLERS: Final = frozenset({"08P01", "XX000"})
_OF_A_POOLER: Final = (
    (re.compile("tenant.* not found|no tenant identifier", re.IGNORECASE), _NO_TENANT),
    (re.compile("password authentication failed|no such user"), _NOT_KNOWN),
    (re.compile(r'no such database|database ".*" does not exist'), _NO_DATABASE),
    (re.compile("unsupported startup parameter"), _NO_OPTION),
)

_OF_CONNECTING: Final[Mapping[str, str]] = {
    "42601": _NO_OPTION,
    "55000": (
        "the Postgres database accepts no connections; ALTER it WITH ALLOW_CONNECTIONS true, or name another"
        " one in the address"
    ),
}
"""What states that others have in a statement mean to who connects: the server is done with them then."""

_TELLING: Final = frozenset({"0A", "53", "54", "55", "57"})
"""Classes whose messages say what to look at, of objects and states of the server."""

_OF_THE_ADDRESS: Final = frozenset({"42501", "42704"})
"""A right, and an option that is not known: it may be a part of a password."""

_NUMBERED: Final[Mapping[str, str]] = {"external_auth_audit": "entry_id", "external_auth_outbox": "number"}


def permanent(error: Exception) -> str | None:
    """Say what is to be done about an error that is the same however often one tries; None for another.

    It is of opening a store: of one in use the same may be an operator's passing mistake.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return None
    state = str(error.sqlstate)
    if state in _POOLERS:
        return next((problem for said, problem in _OF_A_POOLER if said.search(str(error))), None)
    connecting = _OF_CONNECTING.get(state) if error.severity_en == "FATAL" else None
    return connecting or _PERMANENT.get(state) or of_the_tables(error)


def in_use(error: asyncpg.PostgresError) -> str | None:
    """Say in one line what happened to a store that is open; None for what says nothing to an operator."""
    state, said = str(error.sqlstate), _said(error)
    if (meaning := _IN_USE.get(state)) is not None:
        return meaning.format(said=said)
    if state[:2] in _TELLING:
        return f"the Postgres store failed: {type(error).__name__}, {said}"
    return of_the_tables(error)


def of_the_tables(error: asyncpg.PostgresError) -> str | None:
    """Say what is wrong with the tables, if that is what the error is about, in names and in no value."""
    state, table = str(error.sqlstate), str(error.table_name)
    if (onward := numbers_behind(error)) is not None:
        return _NUMBERS.format(table=table, onward=onward)
    if state[:2] == "23" and not table.startswith("pg_"):
        parts = {"constraint": error.constraint_name, "column": error.column_name, "table": error.table_name}
        named = [f"{part} {name}" for part, name in parts.items() if name]
        return _REFUSED_ROW.format(named=" ".join(named) or type(error).__name__)
    if state[:2] == "42" and state not in _OF_THE_ADDRESS:
        return other_tables(_said(error))
    return None


def _said(error: asyncpg.PostgresError) -> str:
    """Return the message alone: details quote rows."""
    return str(error.args[0]) if error.args else type(error).__name__


def other_tables(said: str) -> str:
    """Say that the tables are not extauth's."""
    return _OTHER_TABLES.format(said=said)


def numbers_behind(error: asyncpg.PostgresError) -> str | None:
    """Return the statement after which the numbers of a table go on where its rows end, if they do not."""
    table = str(error.table_name)
    column = _NUMBERED.get(table)
    if column is None or not isinstance(error, asyncpg.UniqueViolationError):
        return None
    return f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608
