"""The schema and the rights as SQL to be run by something else, and which version a database has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg

from extauth.adapters.postgres.connections import run
from extauth.adapters.postgres.meta_row import schema_version
from extauth.adapters.postgres.own_pool import own_pool
from extauth.adapters.postgres.pools import Pool, first_connection, give_back
from extauth.adapters.postgres.schema import (
    BESIDE_IT,
    META_TABLE,
    MIGRATING,
    MIGRATIONS,
    TABLES,
    default_version,
)
from extauth.adapters.postgres.sending import fetch_value
from extauth.adapters.postgres.sqlstates import permanent
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.hidden import Hidden

NEWEST: Final = len(MIGRATIONS)

_PATIENCE: Final = timedelta(seconds=10)


def ddl(since: int = 0) -> Sequence[str]:
    """Return the statements that lead from a version of the schema to the newest; 0 is an empty database.

    :raises ValueError: if there is no such version.
    """
    if not 0 <= since <= NEWEST:
        msg = f"there are versions 0 to {NEWEST} of the schema, not {since}"
        raise ValueError(msg)
    if since == NEWEST:
        return ()
    return (
        "BEGIN",
        f"SELECT {MIGRATING}",
        *(META_TABLE if since == 0 else (BESIDE_IT,)),
        *(statement for statements in MIGRATIONS[since:] for statement in statements),
        f"UPDATE external_auth_meta SET schema_version = {NEWEST}",  # noqa: S608 - a number of ours
        default_version(NEWEST),
        "COMMIT",
    )


def grants(role: str) -> Sequence[str]:
    """Return what gives a role the rights that a store needs, and none to change the schema.

    The tables are those that the ``search_path`` of whoever runs it leads to.
    """
    return [f"GRANT {', '.join(rights)} ON {table} TO {quoted(role)}" for table, rights in TABLES.items()]


def quoted(name: str) -> str:
    """Write the name of a role or a schema as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


async def stored_version(dsn: Hidden[str]) -> int:
    """Return the version of the schema in a database; 0 if nothing of ours is in it.

    :raises StoreUnavailable: if it cannot be reached.
    :raises ConfigurationError: if the address is not valid, or the server cannot be verified.
    """
    async with own_pool(dsn, max_size=1, transaction_pooling=True, command_timeout=_PATIENCE) as pool:
        problem: str | None = None
        try:
            return await run(partial(_version, pool))
        except StoreUnavailable as error:
            cause = error.__cause__
            if not isinstance(cause, asyncpg.PostgresError) or (problem := permanent(cause)) is None:
                raise
    raise ConfigurationError(problem)


async def _version(pool: Pool) -> int:
    connection = await first_connection(pool)
    try:
        if not await fetch_value(connection, "SELECT to_regclass('external_auth_meta') IS NOT NULL"):
            return 0
        return await schema_version(connection) or 0
    finally:
        await give_back(pool, connection)
