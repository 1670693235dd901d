"""How connections are taken from a pool, and go back to it."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from extauth.adapters.postgres.failures import (
    DRIVER_ERRORS,
    DriverError,
    bad_address,
    presentable,
    unverified,
)
from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import ConfigurationError

# In quotes: these classes are generic in the stubs only.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

IDLE_LIMIT = 60.0
"""Seconds. Firewalls forget quiet connections without a word: one this quiet is not used again."""

LAST_WORD = 1.0
"""Seconds that a server has for acknowledging the end of a statement that was cut short."""

STATEMENT_MODE = (
    "the Postgres pooler is in statement mode, in which there are no transactions; have it in transaction or"
    " session mode, or give the server's own address"
)


async def first_connection(pool: Pool) -> Connection:
    """Acquire a connection, of the first of which it is known whether the address is right.

    :raises ConfigurationError: if it is not, or the server is not verified.
    """
    cause: DriverError | None = None
    try:
        return await pool.acquire()
    except OSError as error:  # before what is below: an untrusted certificate is a ValueError, too
        if (problem := unverified(error)) is None:
            raise
        cause = presentable(error)
    except (ValueError, asyncpg.UndefinedObjectError) as error:
        problem = bad_address(error)
    raise ConfigurationError(problem) from cause


async def give_back(pool: Pool, connection: Connection) -> bool:
    """Release a connection. A failure is the pool's affair: what the statement gave is known.

    Of a statement that was cut short the server is told, and has a moment to say that it has stopped.
    Return False if it does not: its connection is cut off, and others to it may be no better.
    """
    try:
        await pool.release(connection, timeout=LAST_WORD)
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
    except TimeoutError:
        return False
    except DRIVER_ERRORS:
        pass
    return True


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
