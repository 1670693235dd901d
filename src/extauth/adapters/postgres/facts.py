"""What a Postgres server and the way to it are like, for whoever asks whether that is safe. Only looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, final

import attrs

from extauth.adapters.postgres.connections import run
from extauth.adapters.postgres.deployment import MISSING
from extauth.adapters.postgres.own_pool import own_pool
from extauth.adapters.postgres.pools import Connection, Pool, first_connection, give_back
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.schema import TABLES
from extauth.adapters.postgres.sending import fetch_value, fetch_whole, pid_is_invented
from extauth.domain.hidden import Hidden

_PATIENCE: Final = timedelta(seconds=10)
_LOOKS_AT_THE_CLOCK: Final = 5
"""How often; the quickest round trip says most."""

_SETTINGS: Final = (
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "synchronous_standby_names",
    "server_version",
    "log_statement",
    "log_min_duration_statement",
    "log_parameter_max_length",
)

# Who may not see other sessions gets nulls but for the name.
_STANDBYS: Final = "SELECT application_name, sync_state FROM pg_stat_replication"

_ROLE: Final = """SELECT rolsuper, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
  EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('external_auth_links')
    AND pg_has_role(current_user, relowner, 'USAGE'))
FROM pg_roles WHERE rolname = current_user"""

_TLS: Final = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@final
@attrs.frozen
class Standby:
    """One that replicates."""

    name: str
    sync_state: str | None
    """``async``, ``potential``, ``sync`` or ``quorum``; None if this role may not see it."""


@final
@attrs.frozen
class PostgresFacts:
    """What there is to know."""

    settings: dict[str, str | None]
    """None for one that this server has not."""
    standbys: Sequence[Standby]
    in_recovery: bool
    pooled: bool
    """Whether something stands between, which gives transactions or sessions to servers."""
    tls: str | None
    """The version on the way to the server, or of the pooler's way to it; None without."""
    local: bool
    """Whether the server sees its client on the same machine."""
    superuser: bool
    owner: bool
    """Whether the role may change extauth's tables."""
    may_create: bool
    missing_rights: Sequence[str]
    clock_ahead: timedelta
    """How far the server's clock is ahead of this machine's, give or take ``clock_doubt``."""
    clock_doubt: timedelta


async def postgres_facts(dsn: Hidden[str]) -> PostgresFacts:
    """Look at a database in which there is the schema.

    :raises StoreUnavailable: if it cannot be reached.
    :raises ConfigurationError: if the address is not valid, or the server cannot be verified.
    """
    async with own_pool(dsn, max_size=1, transaction_pooling=True, command_timeout=_PATIENCE) as pool:
        return await run(partial(_facts, pool))


async def _facts(pool: Pool) -> PostgresFacts:
    connection = await first_connection(pool)
    try:
        ahead, doubt = await _clock(connection)
        [(superuser, may_create, owner)] = await fetch_whole(connection, _ROLE)
        tls = await fetch_whole(connection, _TLS)
        return PostgresFacts(
            settings={name: await _setting(connection, name) for name in _SETTINGS},
            standbys=[
                Standby(row[0] or "unnamed", row[1]) for row in await fetch_whole(connection, _STANDBYS)
            ],
            in_recovery=await fetch_value(connection, "SELECT pg_is_in_recovery()"),
            pooled=await _is_pooled(connection),
            tls=tls[0][1] if tls and tls[0][0] else None,
            local=await fetch_value(
                connection, "SELECT inet_client_addr() IS NULL OR inet_client_addr() = inet_server_addr()"
            ),
            superuser=superuser,
            owner=owner,
            may_create=may_create,
            missing_rights=[
                f"{right} on {name}" for name, right, gone in await _missing(connection) if not gone
            ],
            clock_ahead=ahead,
            clock_doubt=doubt,
        )
    finally:
        await give_back(pool, connection)


async def _is_pooled(connection: Connection) -> bool:
    if await pid_is_invented(connection):
        return True
    # A pooler may give the id of one of its servers. One transaction more, and the next is on another.
    await connection.execute("SELECT 1")
    return await pid_is_invented(connection)


async def _setting(connection: Connection, name: str) -> str | None:
    value: Any = await fetch_value(connection, "SELECT current_setting($1, true)", name)
    return None if value is None else str(value)


async def _missing(connection: Connection) -> list[Row]:
    needed = [(table, right) for table, rights in TABLES.items() for right in rights]
    return await fetch_whole(connection, MISSING, *map(list, zip(*needed, strict=True)))


async def _clock(connection: Connection) -> tuple[timedelta, timedelta]:
    """Return how far the server's clock is ahead, and how far off that may be."""
    looks: list[tuple[timedelta, timedelta]] = []
    for _ in range(_LOOKS_AT_THE_CLOCK):
        before = datetime.now(UTC)
        there: datetime = await fetch_value(connection, "SELECT clock_timestamp()")
        after = datetime.now(UTC)
        doubt = (after - before) / 2
        looks.append((abs(doubt), there - (before + doubt)))
    doubt, ahead = min(looks)
    return ahead, doubt
