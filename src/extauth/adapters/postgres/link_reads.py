"""Reading links: by key many at a time, as they are at this moment, and lists of them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Final, final

from extauth.adapters.postgres import statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.rows import key_parameters, link_from_row
from extauth.adapters.postgres.sending import Rows
from extauth.adapters.sql.batching import BatchedReads
from extauth.adapters.sql.link_columns import RowKey
from extauth.adapters.sql.listing import listed
from extauth.adapters.sql.readable import LinkOrError, links_by_key, read_apart
from extauth.domain.link import LinkKey

_LINKS: Final = partial(links_by_key, link_from_row)


@final
class LinkReads:
    """Reads links on a store's connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.by_key = BatchedReads(partial(read_apart, self._rows_of, _LINKS))
        """Reads together what is asked for at the same moment."""

    async def now(self, key: LinkKey) -> Row | None:
        """Return the row, which sees every write that returned before, as :data:`statements.LOST` has it."""
        rows = await self._connections.read(statements.LOST, *key_parameters(key))
        return rows[0] if rows else None

    async def rows(self, sql: str, arguments: Sequence[object]) -> Rows:
        """Return the rows of a statement."""
        return await self._connections.read(sql, *arguments)

    async def listed(self, sql: str, *arguments: object) -> list[LinkOrError]:
        """Return the links of a statement, and an error in place of each that cannot be read."""

        def run(sql: str) -> Awaitable[Rows]:
            return self._connections.read(sql, *arguments)

        return await listed(run, sql, _LINKS, self.by_key.get_many)

    def _rows_of(self, keys: Sequence[RowKey]) -> Awaitable[Rows]:
        if len(keys) == 1:
            return self._connections.read_by_key(statements.GET, *keys[0])
        providers, users = zip(*keys, strict=True)
        if len({*providers}) == 1:
            return self._connections.read_by_key(statements.GET_MANY_OF_ONE, providers[0], users)
        return self._connections.read_by_key(statements.GET_MANY, providers, users)
