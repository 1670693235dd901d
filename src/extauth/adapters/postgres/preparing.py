"""Making a database ready when a store is entered, and saying what is to be done where it cannot be."""

from __future__ import annotations

import asyncpg

from extauth.adapters.postgres.failures import presentable
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
from extauth.domain.errors import ConfigurationError


async def prepare(pool: Pool, sending: Sending, schema: str | None) -> None:
    """Look for a pooler, and bring the schema up to date.

    :raises ConfigurationError: if the address is not valid, the server cannot be verified, the role may
        not, the schema is newer than this version of extauth knows, or a pooler is in statement mode.
    """
    try:
        await _migrate(pool, sending, schema)
    except asyncpg.InsufficientPrivilegeError as error:
        msg = "the Postgres role may not use or make extauth's tables; grant it that, or migrate as owner"
        raise ConfigurationError(msg) from presentable(error)
    except asyncpg.PostgresConnectionError as error:
        if await refuses_transactions(pool):
            raise ConfigurationError(STATEMENT_MODE) from presentable(error)
        raise


async def _migrate(pool: Pool, sending: Sending, schema: str | None) -> None:
    connection = await first_connection(pool)
    try:
        await sending.look_at(connection)
        await refuse_lost_rows(connection, await migrate(connection, schema=schema))
    finally:
        await give_back(pool, connection)
