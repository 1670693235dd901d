"""The texts of rows in Postgres, for :class:`~extauth.adapters.sql.sealed_rows.SqlSealedRows`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import final

from extauth.adapters.postgres import sealed_statements as statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.sending import Rows
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration


@final
class PostgresTexts:
    """Selects them, each slice in a transaction of its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def links(self, after: tuple[str, str]) -> Rows:
        return await self._connections.read(statements.SEALED_LINKS, *after)

    async def links_of(self, keys: Sequence[LinkKey]) -> Rows:
        providers = [key.provider_id for key in keys]
        return await self._connections.read(
            statements.SEALED_LINKS_OF, providers, [key.user_id for key in keys]
        )

    async def registrations(self, after: str) -> Rows:
        return await self._connections.read(statements.SEALED_REGISTRATIONS, after)

    async def authorizations(self, after: str) -> Rows:
        return await self._connections.read(statements.SEALED_AUTHORIZATIONS, after)

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        rows = await self._connections.write(
            statements.RESEAL_REGISTRATION,
            name,
            stored.client_id,
            stored.client_secret,
            stored.registration_token,
            sealed.client_secret,
            sealed.registration_token,
        )
        return bool(rows)

    def instant(self, value: datetime) -> datetime:
        return value
