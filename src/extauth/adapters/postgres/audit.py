"""The audit trail in Postgres: beside the links, and in one statement with the writes that it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import final

import asyncpg

from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.rows import Parameters
from extauth.adapters.postgres.statements import DURABLE
from extauth.adapters.sql.audit_columns import (
    COLUMNS,
    OF_THE_ENTRY,
    OF_THE_LINK,
    TABLE,
    entry_from_row,
    entry_values,
)
from extauth.domain.audit import AuditEntry, entry_to_write
from extauth.domain.errors import StoreUnavailable

_ONLY_ADDS = (
    f"removing entries takes a role that may delete from {TABLE}, such as its owner: the application's is to"
    " add to it alone, see docs/howto/audit-trail.md"
)

_INTO = f"INSERT INTO {TABLE} ({', '.join(COLUMNS)})"

_TYPES = ["bigint" if name == "version" else "text" for name in COLUMNS]

# Arrays of texts: for others asyncpg leaves a setting in the session.
_APPEND = f"""{_INTO} SELECT {", ".join(f"v{number}::{each}" for number, each in enumerate(_TYPES, 1))}
FROM unnest({", ".join(f"${number}::text[]" for number in range(1, len(_TYPES) + 1))})
  AS given ({", ".join(f"v{number}" for number in range(1, len(_TYPES) + 1))}) RETURNING {DURABLE}"""

_FIND = f"""SELECT {", ".join(COLUMNS)}, entry_id, at FROM {TABLE}
WHERE entry_id > $4 AND ($1::text IS NULL OR user_id = $1) AND ($3::timestamptz IS NULL OR at >= $3)
  AND ($2::text IS NULL OR hashed_access_token = $2 OR hashed_refresh_token = $2)
ORDER BY entry_id LIMIT $5"""

_FIND_NEWEST = _FIND.replace("entry_id > $4", "entry_id > $4 AND entry_id < $6").replace(
    "ORDER BY entry_id", "ORDER BY entry_id DESC"
)

_PURGE = f"DELETE FROM {TABLE} WHERE at < $1 RETURNING {DURABLE}"


async def written(connections: Connections, sql: str, parameters: Parameters) -> list[Row]:
    """Run a statement, and write the entry beside it, if there is one, for each row that it returns."""
    entry = entry_to_write()
    if entry is None:
        return await connections.write(sql, *parameters)
    return await connections.write(_with_entry(sql, len(parameters)), *parameters, *entry_values(entry))


@lru_cache
def _with_entry(sql: str, parameters: int) -> str:
    """Return the statement with another one around it: what it has written is what the entry is about.

    Only a statement at the top may write in its WITH: one that does so itself has the entry put there.
    """
    said = ", ".join(
        f"${number}::text" for number in range(parameters + 1, parameters + 1 + len(OF_THE_ENTRY))
    )
    insert = f"{_INTO} SELECT {', '.join(OF_THE_LINK)}, {said} FROM"
    writing, found, row = sql.rpartition("\nSELECT ")
    if found and row.endswith(" FROM gone"):
        return f"{writing},\naudited AS ({insert} gone)\nSELECT {row}"
    return f"WITH written AS (\n{sql}\n), audited AS ({insert} written)\nSELECT * FROM written"


@final
class PostgresAudit:
    """What :class:`~extauth.domain.audit.AuditStore` says."""

    def __init__(self, connections: Connections, check: Callable[[], object]) -> None:
        self._connections = connections
        self._check = check

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them all, or none."""
        self._check()
        rows = [entry_values(entry, COLUMNS) for entry in entries]
        if rows:
            texts = ([None if value is None else str(value) for value in row] for row in rows)
            columns = map(list, zip(*texts, strict=True))
            await self._connections.write(_APPEND, *columns)

    async def find(
        self,
        *,
        user_id: str | None = None,
        hashed_token: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, AuditEntry]]:
        """Return those that were asked for."""
        self._check()
        asked = (user_id, hashed_token, since, after, limit)
        if before is None:
            rows = await self._connections.read(_FIND, *asked)
        else:
            rows = await self._connections.read(_FIND_NEWEST, *asked, before)
        return [(row[-2], entry_from_row(row[: len(COLUMNS)], row[-1])) for row in rows]

    async def purge(self, before: datetime) -> int:
        """Remove older ones, and count them."""
        self._check()
        try:
            return len(await self._connections.write(_PURGE, before))
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
                raise
            cause = error.__cause__
        raise StoreUnavailable(_ONLY_ADDS) from cause
