"""The store's own pool, and how connections go back to a pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from extauth.adapters.postgres.failures import DRIVER_ERRORS
from extauth.adapters.postgres.unique_names import UniqueNamesConnection
from extauth.cancellation import cancelled_by_caller
from extauth.domain.hidden import Hidden

# In quotes: these classes are generic in the stubs only.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

IDLE_LIMIT = 60.0
"""Seconds. Firewalls forget quiet connections without a word: one this quiet is not used again."""

_STATEMENT_CACHE_SIZE = 100

STATEMENT_MODE = (
    "the Postgres pooler is in statement mode, in which there are no transactions; have it in transaction or"
    " session mode, or give the server's own address"
)


@asynccontextmanager
async def own_pool(
    dsn: Hidden[str], *, max_size: int, transaction_pooling: bool | None, command_timeout: timedelta
) -> AsyncGenerator[Pool, None]:
    """Make a pool for a store alone, which connects when first used, and close it."""
    seconds = command_timeout.total_seconds()
    pool = asyncpg.create_pool(
        dsn.value,
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=IDLE_LIMIT,
        reset=_nothing_to_reset,
        connection_class=UniqueNamesConnection,
        timeout=seconds,
        command_timeout=seconds,
        statement_cache_size=0 if transaction_pooling else _STATEMENT_CACHE_SIZE,
    )
    await pool
    try:
        yield pool
    finally:
        await _close(pool, seconds)


async def _nothing_to_reset(_: object) -> None:
    """Save the round trip after each statement: the store keeps no state in a session."""


async def _close(pool: Pool, patience: float) -> None:
    """Close when what is under way has ended, or cut it off when that takes too long."""
    try:
        async with asyncio.timeout(patience):
            await pool.close()
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
    except DRIVER_ERRORS:
        pass  # the pool has cut its connections off


async def give_back(pool: Pool, connection: Connection) -> None:
    """Release a connection. A failure is the pool's affair: what the statement gave is known."""
    try:
        await pool.release(connection)
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
    except DRIVER_ERRORS:
        pass


async def refuses_transactions(pool: Pool) -> bool:
    """Whether a statement is answered, and the connection ended when a transaction begins."""
    connection = await pool.acquire()
    try:
        await connection.execute("SELECT 1")
        try:
            async with connection.transaction():
                return False
        except asyncpg.PostgresConnectionError:
            return True
    finally:
        await give_back(pool, connection)
