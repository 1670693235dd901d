"""The one row of ``external_auth_meta``: what a TRUNCATE or a copy without data leaves out is put back.

The column ``schema_version`` has the schema's version as its default, which neither of them loses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, final

import asyncpg

from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.failures import presentable
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.sending import fetch_whole
from extauth.adapters.postgres.sqlstates import other_tables
from extauth.adapters.postgres.statements import DURABLE
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.outcomes import Absent

ONE_ROW = """ALTER TABLE external_auth_meta
ADD COLUMN only_row boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_row)"""
"""Makes a second row impossible. A key is also what a table that is published needs for an UPDATE."""

_PUT_BACK = f"""INSERT INTO external_auth_meta (retired_version)
SELECT coalesce(max(version), 0) FROM external_auth_links
WHERE NOT EXISTS (SELECT FROM external_auth_meta)
ON CONFLICT DO NOTHING RETURNING {DURABLE}"""  # noqa: S608

_GONE = (
    "the one row of external_auth_meta is missing, as after a TRUNCATE of all tables or a copy without data,"
    " and {why}; {what}"
)
_MAY_NOT = _GONE.format(
    why="this role may not put it back",
    what="INSERT INTO external_auth_meta DEFAULT VALUES as the owner of the table, or grant INSERT on it",
)
_UNKNOWN = _GONE.format(
    why="nothing else says which version the schema has",
    what="restore it from a backup, or drop extauth's tables if they are empty, so that they are made anew",
)


@final
class MetaRow:
    """Puts the row back when a statement that needs it finds none, while a store is open."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def missing(self, read: Callable[[], Awaitable[object | None]]) -> Absent | None:
        """Say that what ``read`` reads is not there, or put the row back, if that may be what is missing."""
        if await read() is None:
            return Absent()
        await self.put_back()
        return None

    async def put_back(self) -> None:
        """Make the row if there is none.

        :raises StoreUnavailable: if that cannot be.
        """
        try:
            await self._connections.write(_PUT_BACK)
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
                raise
            cause = error.__cause__
        else:
            return
        raise StoreUnavailable(_MAY_NOT) from cause


async def schema_version(connection: Connection) -> int | None:
    """Return what the row says; None if there is none, or are several.

    :raises ConfigurationError: if that is no version.
    """
    rows = await fetch_whole(connection, "SELECT count(*), max(schema_version) FROM external_auth_meta")
    count, version = rows[0]
    if not isinstance(version, int | None):
        problem = other_tables("external_auth_meta")
        raise ConfigurationError(problem)
    return version if count == 1 else None


async def make_it_one(connection: Connection) -> int:
    """Put the row back, or make one of several, within a transaction; return the schema's version.

    :raises ConfigurationError: if nobody can know what the row said, or this role may not do it.
    """
    problem: str | None = None
    cause: Any = None
    try:
        await fetch_whole(connection, _PUT_BACK)
    except asyncpg.InsufficientPrivilegeError as error:
        problem, cause = _MAY_NOT, presentable(error)
    except (
        asyncpg.NotNullViolationError,
        asyncpg.UndefinedColumnError,
        asyncpg.UndefinedTableError,
    ) as error:
        problem, cause = _UNKNOWN, presentable(error)
    if problem is not None:
        raise ConfigurationError(problem) from cause
    version = await schema_version(connection)
    if version is not None:
        return version
    # From before there was a primary key: a copy and a schema made in the same place.
    await connection.execute(
        """UPDATE external_auth_meta SET (schema_version, retired_version) =
(SELECT max(schema_version), max(retired_version) FROM external_auth_meta)"""
    )
    await connection.execute(
        "DELETE FROM external_auth_meta WHERE ctid <> (SELECT min(ctid) FROM external_auth_meta)"
    )
    rows = await fetch_whole(connection, "SELECT schema_version FROM external_auth_meta")
    return int(rows[0][0])
