"""The texts of rows in Postgres, for :class:`~extauth.adapters.sql.sealed_rows.SqlSealedRows`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import final

from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.sending import Rows
from extauth.adapters.postgres.statements import DURABLE
from extauth.adapters.sql.sealed_rows import CLIENT_TEXTS, LINK_TEXTS, SLICE, head
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration

_COLUMNS = f"""provider_id, user_id, {", ".join(map(head, LINK_TEXTS))}, oauth_extra, oauth_resource_tokens"""

_LINKS = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) > ($1, $2) ORDER BY provider_id, user_id LIMIT {SLICE}"""

_LINKS_OF = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"""

_REGISTRATIONS = f"""SELECT name, {", ".join(map(head, CLIENT_TEXTS))} FROM external_auth_registrations
WHERE name > $1 ORDER BY name LIMIT {SLICE}"""

_AUTHORIZATIONS = f"""SELECT state_hash, {head("salt")}, expires_at FROM external_auth_authorizations
WHERE state_hash > $1 AND salt IS NOT NULL ORDER BY state_hash LIMIT {SLICE}"""

_RESEAL = f"""UPDATE external_auth_registrations SET client_secret = $5, registration_token = $6
WHERE name = $1 AND client_id = $2
  AND client_secret IS NOT DISTINCT FROM $3 AND registration_token IS NOT DISTINCT FROM $4
RETURNING {DURABLE}"""


@final
class PostgresTexts:
    """Selects them, each slice in a transaction of its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def links(self, after: tuple[str, str]) -> Rows:
        return await self._connections.read(_LINKS, *after)

    async def links_of(self, keys: Sequence[LinkKey]) -> Rows:
        providers = [key.provider_id for key in keys]
        return await self._connections.read(_LINKS_OF, providers, [key.user_id for key in keys])

    async def registrations(self, after: str) -> Rows:
        return await self._connections.read(_REGISTRATIONS, after)

    async def authorizations(self, after: str) -> Rows:
        return await self._connections.read(_AUTHORIZATIONS, after)

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        rows = await self._connections.write(
            _RESEAL,
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
