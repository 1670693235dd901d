"""The texts of rows in SQLite, for :class:`~extauth.adapters.sql.sealed_rows.SqlSealedRows`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import final

from extauth.adapters.sql.sealed_rows import CLIENT_TEXTS, LINK_TEXTS, SLICE, head
from extauth.adapters.sqlite.rows import instant_from_micros
from extauth.adapters.sqlite.unseen import Parameters, Row, Unseen
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration

_COLUMNS = f"""provider_id, user_id, {", ".join(map(head, LINK_TEXTS))}, oauth_extra, oauth_resource_tokens"""

_LINKS = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) > (:provider, :user) ORDER BY provider_id, user_id LIMIT {SLICE}"""

_LINKS_OF = f"""WITH wanted (provider, user) AS (VALUES %s) SELECT {_COLUMNS}
FROM wanted CROSS JOIN external_auth_links ON provider_id = provider AND user_id = user"""

_REGISTRATIONS = f"""SELECT name, {", ".join(map(head, CLIENT_TEXTS))} FROM external_auth_registrations
WHERE name > :after ORDER BY name LIMIT {SLICE}"""

_AUTHORIZATIONS = f"""SELECT state_hash, {head("salt")}, expires_at FROM external_auth_authorizations
WHERE state_hash > :after AND salt IS NOT NULL ORDER BY state_hash LIMIT {SLICE}"""

_RESEAL = """UPDATE external_auth_registrations SET client_secret = :secret, registration_token = :token
WHERE name = :name AND client_id = :client_id
  AND client_secret IS :old_secret AND registration_token IS :old_token
RETURNING 1"""


@final
class SqliteTexts:
    """Selects them on one connection."""

    def __init__(self, connection: Unseen) -> None:
        self._connection = connection

    async def links(self, after: tuple[str, str]) -> list[Row]:
        parameters = Parameters({"provider": after[0], "user": after[1]})
        return await self._connection.fetch_all(_LINKS, parameters)

    async def links_of(self, keys: Sequence[LinkKey]) -> list[Row]:
        sql = _LINKS_OF % ",".join(["(?,?)"] * len(keys))
        return await self._connection.fetch_all(
            sql, [*chain.from_iterable((key.provider_id, key.user_id) for key in keys)]
        )

    async def registrations(self, after: str) -> list[Row]:
        return await self._connection.fetch_all(_REGISTRATIONS, Parameters({"after": after}))

    async def authorizations(self, after: str) -> list[Row]:
        return await self._connection.fetch_all(_AUTHORIZATIONS, Parameters({"after": after}))

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        parameters = Parameters(
            {
                "name": name,
                "client_id": stored.client_id,
                "old_secret": stored.client_secret,
                "old_token": stored.registration_token,
                "secret": sealed.client_secret,
                "token": sealed.registration_token,
            }
        )
        return bool(await self._connection.fetch_all(_RESEAL, parameters))

    def instant(self, value: int) -> datetime:
        return instant_from_micros(value)
