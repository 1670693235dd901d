"""The naive loop's table in a SQLite file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

import aiosqlite

from extauth.cli.demo.naive import NaiveTable, Row

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's write."""


@asynccontextmanager
async def open_sqlite_table(path: str, name: str) -> AsyncGenerator[NaiveTable, None]:
    """Open the file; ``name`` must be a plain identifier."""
    async with aiosqlite.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None) as connection:
        await connection.execute_fetchall("PRAGMA journal_mode = WAL")
        yield _SqliteTable(connection, name)


@final
class _SqliteTable:
    def __init__(self, connection: aiosqlite.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    async def create(self) -> None:
        await self._connection.execute_fetchall(
            f"CREATE TABLE {self._name} (user_id TEXT PRIMARY KEY,"
            " access_token TEXT NOT NULL, refresh_token TEXT NOT NULL, expires_at REAL NOT NULL)"
        )

    async def read(self, user: str) -> Row:
        rows = await self._connection.execute_fetchall(
            f"SELECT access_token, refresh_token, expires_at FROM {self._name} WHERE user_id = ?",  # noqa: S608
            (user,),
        )
        for access_token, refresh_token, expires_at in rows:
            return Row(access_token, refresh_token, expires_at)
        raise LookupError(user)

    async def write(self, user: str, row: Row) -> None:
        await self._connection.execute_fetchall(
            f"INSERT OR REPLACE INTO {self._name} VALUES (?, ?, ?, ?)",  # noqa: S608
            (user, row.access_token, row.refresh_token, row.expires_at),
        )

    async def drop(self) -> None:
        await self._connection.execute_fetchall(f"DROP TABLE IF EXISTS {self._name}")
