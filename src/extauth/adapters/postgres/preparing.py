"""Making a database ready when a store is entered, and saying what is to be done where it cannot be."""

from __future__ import annotations

import asyncpg

from extauth.adapters.postgres.deployment import check_rights, check_writable
from extauth.adapters.postgres.failures import presentable
from extauth.adapters.postgres.history import tells_history
from extauth.adapters.postgres.pglite import check_clients
from extauth.adapters.postgres.pools import (
    STATEMENT_MODE,
    Pool,
    first_connection,
    give_back,
    refuses_transactions,
)
from extauth.adapters.postgres.probes import refuse_lost_rows
from extauth.adapters.postgres.schema import migrate
from extauth.adapters.postgres.sending import Sending
from extauth.adapters.postgres.sqlstates import permanent
from extauth.domain.errors import ConfigurationError


async def prepare(pool: Pool, sending: Sending, schema: str | None) -> bool:
    """Look for a pooler, bring the schema up to date, and see that the store can be used.

    Returns whether the server says which history it has.

    :raises ConfigurationError: if something is wrong that stays so until somebody mends it.
    :raises StoreUnavailable: if the server is a standby.
    """
    try:
        tells = await _migrate(pool, sending, schema)
    except asyncpg.PostgresError as error:
        problem = permanent(error)
        if problem is None and isinstance(error, asyncpg.PostgresConnectionError):
            problem = STATEMENT_MODE if await refuses_transactions(pool) else None
        if problem is None:
            raise
        cause = presentable(error)
    else:
        return tells
    raise ConfigurationError(problem) from cause


async def _migrate(pool: Pool, sending: Sending, schema: str | None) -> bool:
    connection = await first_connection(pool)
    try:
        await sending.look_at(connection)
        await check_clients(pool, await check_writable(connection))
        suspects = await migrate(connection, schema=schema)
        await check_rights(connection)
        await refuse_lost_rows(connection, suspects)
        return await tells_history(connection)
    finally:
        await give_back(pool, connection)
