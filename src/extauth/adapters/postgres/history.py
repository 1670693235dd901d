"""Which history a Postgres database has: a promotion begins another timeline, and so does a restore."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import final

import asyncpg

from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.history_statements import (
    ACCEPT,
    AGREE,
    AT_ONCE,
    CURRENT,
    DOUBTFUL_LINKS,
    HOLD,
    LOOK,
    RESTORED,
)
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.sending import fetch_value
from extauth.domain.link import LinkKey
from extauth.domain.store_history import HeldLinks, HistorySeen


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

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        if not await self._connections.write(RESTORED, seen.current, seen.at):
            return None
        return int((await self._connections.read(DOUBTFUL_LINKS, seen.at, [*spared]))[0][0])

    async def hold(
        self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
    ) -> HeldLinks:
        begin = ("", "") if after is None else (after.provider_id, after.user_id)
        rows = await self._connections.write(HOLD, before, [*spared], *begin)
        if not rows:
            return HeldLinks(0, None)
        held, looked_at, provider_id, user_id, _ = rows[0]
        return HeldLinks(held, LinkKey(provider_id, user_id) if looked_at == AT_ONCE else None)

    async def agree(self) -> None:
        await self._connections.write(AGREE)


async def tells_history(connection: Connection) -> bool:
    """Whether the server says which history it has: not all that speak Postgres's protocol do."""
    try:
        return await fetch_value(connection, CURRENT) is not None
    except asyncpg.PostgresError:
        return False
