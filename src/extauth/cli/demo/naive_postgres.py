"""The naive loop's table in Postgres."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

import asyncpg

from extauth.cli.demo.naive import NaiveTable, Row

if TYPE_CHECKING:
    from asyncpg import Pool, Record

POOL_SIZE = 4
"""Connections of one process."""


@asynccontextmanager
async def open_postgres_table(url: str, name: str) -> AsyncGenerator[NaiveTable, None]:
    """Open a pool; ``name`` must be a plain identifier."""
    async with asyncpg.create_pool(url, min_size=1, max_size=POOL_SIZE) as pool:
        yield _PostgresTable(pool, name)


@final
class _PostgresTable:
    def __init__(self, pool: Pool[Record], name: str) -> None:
        self._pool = pool
        self._name = name

    async def create(self) -> None:
        await self._pool.execute(
            f"CREATE TABLE {self._name} (user_id text PRIMARY KEY, access_token text NOT NULL,"
            " refresh_token text NOT NULL, expires_at double precision NOT NULL)"
        )

    async def read(self, user: str) -> Row:
        row = await self._pool.fetchrow(
            f"SELECT access_token, refresh_token, expires_at FROM {self._name} WHERE user_id = $1",  # noqa: S608
            user,
        )
        if row is None:
            raise LookupError(user)
        return Row(row["access_token"], row["refresh_token"], row["expires_at"])

    async def write(self, user: str, row: Row) -> None:
        await self._pool.execute(
            f"INSERT INTO {self._name} VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE"  # noqa: S608
            " SET access_token = excluded.access_token, refresh_token = excluded.refresh_token,"
            " expires_at = excluded.expires_at",
            user,
            row.access_token,
            row.refresh_token,
            row.expires_at,
        )

    async def drop(self) -> None:
        await self._pool.execute(f"DROP TABLE IF EXISTS {self._name}")
