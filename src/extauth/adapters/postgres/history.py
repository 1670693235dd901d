"""Which history a Postgres database has: a promotion begins another timeline, and so does a restore."""

from __future__ import annotations

from typing import final

import asyncpg

from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.history_statements import ACCEPT, CURRENT, LOOK
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.sending import fetch_value
from extauth.domain.store_history import HistorySeen


@final
class PostgresHistory:
    """A :class:`~extauth.domain.store_history.StoreHistory`. Any role may call what it asks.

    Sources, seen 2026-11: https://www.postgresql.org/docs/17/functions-admin.html (``pg_walfile_name``) and
    https://www.postgresql.org/docs/17/functions-info.html (``pg_control_system``).
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.known = False
        """Whether the server can say; set when the store is entered."""

    async def look(self) -> HistorySeen | None:
        if not self.known:
            return None
        rows = await self._connections.read(LOOK)
        return HistorySeen(*rows[0]) if rows else None

    async def accept(self, seen: HistorySeen) -> None:
        if self.known:
            await self._connections.write(ACCEPT, seen.current)


async def tells_history(connection: Connection) -> bool:
    """Whether the server says which history it has: not all that speak Postgres's protocol do."""
    try:
        return await fetch_value(connection, CURRENT) is not None
    except asyncpg.PostgresError:
        return False
