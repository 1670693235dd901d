"""The pool that belongs to one store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from extauth.adapters.postgres.address import checked_address, verification
from extauth.adapters.postgres.failures import DRIVER_ERRORS
from extauth.adapters.postgres.pools import IDLE_LIMIT, Pool
from extauth.adapters.postgres.server_list import each_server, wanted_server
from extauth.adapters.postgres.servers import Servers
from extauth.adapters.postgres.service import of_service
from extauth.adapters.postgres.unique_names import UniqueNamesConnection
from extauth.cancellation import cancelled_by_caller, out_of_reach
from extauth.domain.hidden import Hidden
from extauth.one_loop import OneLoop

_STATEMENT_CACHE_SIZE = 100


@asynccontextmanager
async def own_pool(
    dsn: Hidden[str], *, max_size: int, transaction_pooling: bool | None, command_timeout: timedelta
) -> AsyncGenerator[Pool, None]:
    """Make a pool for a store alone, which connects when first used, and close it.

    :raises ConfigurationError: if the address is not one.
    """
    checked_address(dsn)
    dsn = of_service(dsn, os.environ)
    seconds = command_timeout.total_seconds()
    servers = each_server(dsn, os.environ)
    wanted = wanted_server(dsn, os.environ, several=len(servers) > 1)
    connect: Any = Servers(servers, wanted).connect  # the stubs ask for keywords one by one
    pool = asyncpg.create_pool(
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
            with out_of_reach():  # else it would cut off what is under way, however short
                await _close(pool, seconds)


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
