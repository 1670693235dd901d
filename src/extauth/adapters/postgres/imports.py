"""Moving links into Postgres, and their keys out."""

from __future__ import annotations

from functools import partial
from typing import Final, final

from extauth.adapters.postgres import import_statements as statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.meta_row import MetaRow
from extauth.adapters.postgres.rows import (
    Parameters,
    account_parameters,
    failure_parameters,
    key_parameters,
    origin_parameters,
    provider_parameters,
    token_parameters,
)
from extauth.adapters.sql.conditional_writes import repeated
from extauth.domain.imports import Added, AddOutcome, AlreadyThere, ImportedLink
from extauth.domain.link import LinkKey
from extauth.domain.own_writes import OwnWrites
from extauth.one_loop import OneLoop, on_one_loop

_NO_MARK: Final = Parameters(None, None, None, None, None)
_NO_ACCOUNT: Final = Parameters(None, None, None, None)


@final
@on_one_loop
class PostgresImports:
    """What :class:`~extauth.domain.imports.ImportStore` says, in Postgres."""

    def __init__(self, home: OneLoop, connections: Connections, meta: MetaRow, own_writes: OwnWrites) -> None:
        self._home = home
        self._own_writes = own_writes
        self._connections = connections
        self._meta = meta

    async def add(self, link: ImportedLink) -> AddOutcome:
        key = key_parameters(link.key)
        parameters = Parameters(
            *key,
            *token_parameters(link.tokens),
            *origin_parameters(link.origin),
            link.created_at,
            link.updated_at,
            link.unresolved_since,
            *(_NO_MARK if link.failure is None else failure_parameters(link.failure)),
            *(_NO_ACCOUNT if link.account is None else account_parameters(link.account)),
        )

        async def add() -> Added | None:
            rows = await self._connections.write(statements.ADD, *parameters)
            return Added(rows[0][0]) if rows else None

        with self._own_writes.of(link.key):
            return await repeated(add, partial(self._why_not, key))

    async def keys(
        self, *, provider_id: str | None = None, after: LinkKey | None = None, limit: int = 1000
    ) -> list[LinkKey]:
        page = ("", "", limit) if after is None else (after.provider_id, after.user_id, limit)
        of = () if provider_id is None else provider_parameters(provider_id)
        rows = await self._connections.read(statements.KEYS_OF if of else statements.KEYS, *page, *of)
        return [LinkKey(*row) for row in rows]

    async def _why_not(self, key: Parameters) -> AlreadyThere | None:
        if await self._connections.read(statements.THERE, *key):
            return AlreadyThere()
        await self._meta.put_back()
        return None
