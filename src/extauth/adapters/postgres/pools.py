"""The store's own pool, and what is asked of an application's."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from extauth.adapters.postgres.failures import DRIVER_ERRORS, cancelled_by_caller
from extauth.domain.errors import ConfigurationError

# In quotes: these classes are generic in the stubs only.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

IDLE_LIMIT = 60.0
"""Seconds. Firewalls forget quiet connections without a word: one this quiet is not used again."""

_STATEMENT_CACHE_SIZE = 100
_ASYNCPG_NAME = "__asyncpg_"


@asynccontextmanager
async def own_pool(
    dsn: str, *, max_size: int, transaction_pooling: bool, command_timeout: timedelta
) -> AsyncGenerator[Pool, None]:
    """Make a pool for a store alone, which connects when first used, and close it."""
    seconds = command_timeout.total_seconds()
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=IDLE_LIMIT,
        reset=_nothing_to_reset,
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


async def check_transaction_pooling(connection: Connection) -> None:
    """Refuse a connection on which statements stay prepared.

    :raises ConfigurationError: if asyncpg caches statements on it.
    """
    marker = uuid.uuid4().hex
    async with connection.transaction():
        # A statement without a name, as asyncpg sends it without a cache, isn't listed.
        name = await connection.fetchval(
            f"SELECT name FROM pg_prepared_statements WHERE statement LIKE '%{marker}%'"  # noqa: S608
        )
    if name is not None and name.startswith(_ASYNCPG_NAME):
        msg = "with transaction_pooling=True create the asyncpg pool with statement_cache_size=0"
        raise ConfigurationError(msg)
