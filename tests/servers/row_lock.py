"""A gate for statements: another session's lock on the row that they want."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import attrs


@attrs.frozen
class RowLock:
    """Whoever writes to the locked rows waits until the block ends."""

    connection: asyncpg.Connection[asyncpg.Record]

    async def awaited(self, sessions: int = 1) -> None:
        """Return when this many sessions wait for a lock in the database."""
        while True:
            # A transaction sees one and the same picture of the activity until told to look again.
            await self.connection.execute("SELECT pg_stat_clear_snapshot()")
            waiting = await self.connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if waiting >= sessions:
                return


@asynccontextmanager
async def locked(
    dsn: str, table: str = "external_auth_links", *, reads: bool = False
) -> AsyncGenerator[RowLock, None]:
    """Hold the lock on all rows of a table, or with ``reads`` on the table whole."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            if reads:
                await connection.execute(f"LOCK TABLE {table}")
            else:
                await connection.execute(f"SELECT FROM {table} FOR UPDATE")
            yield RowLock(connection)
    finally:
        await connection.close()
