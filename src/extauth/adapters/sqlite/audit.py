"""The audit trail in SQLite: beside the links, and in one transaction with the writes that it is about."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, final

from extauth.adapters.sql.audit_columns import COLUMNS, OF_THE_LINK, TABLE, entry_from_row, entry_values
from extauth.adapters.sqlite.grouped_writes import GroupedWrites
from extauth.adapters.sqlite.row import Row, instant_from_micros, instant_to_micros
from extauth.adapters.sqlite.statements import NOW
from extauth.adapters.sqlite.unseen import Parameters, Unseen
from extauth.domain.audit import AuditEntry, entry_to_write

_INSERT = f"""INSERT INTO {TABLE} (at, {", ".join(COLUMNS)})
VALUES ({NOW}, {", ".join("?" for _ in COLUMNS)})"""

_FIND = f"""SELECT {", ".join(COLUMNS)}, entry_id, at FROM {TABLE}
WHERE entry_id > :after AND (:user_id IS NULL OR user_id = :user_id) AND (:since IS NULL OR at >= :since)
  AND (:token IS NULL OR hashed_access_token = :token OR hashed_refresh_token = :token)
ORDER BY entry_id LIMIT :limit"""

_FIND_NEWEST = _FIND.replace("entry_id > :after", "entry_id > :after AND entry_id < :before").replace(
    "ORDER BY entry_id", "ORDER BY entry_id DESC"
)

_PURGE = f"DELETE FROM {TABLE} WHERE at < :before RETURNING 1"


def written(writes: GroupedWrites, sql: str, parameters: Parameters) -> Awaitable[list[Row]]:
    """Run a statement, and write the entry beside it, if there is one, for each row that it returns."""
    entry = entry_to_write()
    if entry is None:
        return writes.fetch_all(sql, parameters)
    said = entry_values(entry)

    def beside(cursor: sqlite3.Cursor, rows: list[Row]) -> None:
        cursor.executemany(_INSERT, [(*row[: len(OF_THE_LINK)], *said) for row in rows])

    return writes.fetch_all(sql, parameters, beside=beside)


@final
class SqliteAudit:
    """What :class:`~extauth.domain.audit.AuditStore` says."""

    def __init__(self, connection: Unseen, writes: GroupedWrites, check: Callable[[], object]) -> None:
        self._connection = connection
        self._writes = writes
        self._check = check

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them all, or none."""
        self._check()
        rows = [entry_values(entry, COLUMNS) for entry in entries]

        def beside(cursor: sqlite3.Cursor, _: list[Row]) -> None:
            cursor.executemany(_INSERT, rows)

        await self._writes.fetch_all("SELECT 1", Parameters(), beside=beside)

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
        asked: dict[str, Any] = {"user_id": user_id, "token": hashed_token, "since": instant_to_micros(since)}
        asked |= {"after": after, "limit": limit} | ({} if before is None else {"before": before})
        sql = _FIND if before is None else _FIND_NEWEST
        rows = await self._connection.fetch_all(sql, Parameters(asked))
        return [(row[-2], entry_from_row(row[: len(COLUMNS)], instant_from_micros(row[-1]))) for row in rows]

    async def purge(self, before: datetime) -> int:
        """Remove older ones, and count them."""
        self._check()
        parameters = Parameters({"before": instant_to_micros(before)})
        return len(await self._connection.fetch_all(_PURGE, parameters))
