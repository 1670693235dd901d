"""The store's own pool, and how connections go back to a pool."""

from __future__ import annotations

import asyncio
import configparser
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from extauth.adapters.postgres.address import checked_address, verification
from extauth.adapters.postgres.failures import (
    DRIVER_ERRORS,
    DriverError,
    bad_address,
    presentable,
    unverified,
)
from extauth.adapters.postgres.unique_names import UniqueNamesConnection
from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden, HiddenText
from extauth.one_loop import OneLoop

# In quotes: these classes are generic in the stubs only.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

IDLE_LIMIT = 60.0
"""Seconds. Firewalls forget quiet connections without a word: one this quiet is not used again."""

_STATEMENT_CACHE_SIZE = 100

_OF_AN_ADDRESS = (ValueError, LookupError, OverflowError, TypeError, configparser.Error)
"""Whatever asyncpg and Python make of an address, a service file or an environment that cannot be used."""

STATEMENT_MODE = (
    "the Postgres pooler is in statement mode, in which there are no transactions; have it in transaction or"
    " session mode, or give the server's own address"
)


@asynccontextmanager
async def own_pool(
    dsn: Hidden[str], *, max_size: int, transaction_pooling: bool | None, command_timeout: timedelta
) -> AsyncGenerator[Pool, None]:
    """Make a pool for a store alone, which connects when first used, and close it.

    :raises ConfigurationError: if the address is not one.
    """
    checked_address(dsn)
    seconds = command_timeout.total_seconds()
    connect: Any = _connect  # the stubs ask for keywords one by one
    pool = asyncpg.create_pool(
        HiddenText(dsn.value),
        connect=connect,
        ssl=verification(dsn, os.environ, authorities_in_home=_authorities_in_home()),
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
    home = OneLoop("pool")
    home.check()
    try:
        yield pool
    finally:
        if not home.inherited:  # a forked process would end the sessions of the one that it comes from
            await _close(pool, seconds)


async def _connect(dsn: str, **options: Any) -> Any:
    try:
        return await asyncpg.connect(dsn, **options)
    except DRIVER_ERRORS:
        raise
    except _OF_AN_ADDRESS as error:
        problem = bad_address(error)
    # Out of the handler: what quotes the address, and the password in it, is not even the context of ours.
    raise ConfigurationError(problem)


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


def _authorities_in_home() -> bool:
    try:
        return (Path.home() / ".postgresql" / "root.crt").exists()
    except (OSError, RuntimeError):
        return False  # there is no home, or none that may be looked into


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
