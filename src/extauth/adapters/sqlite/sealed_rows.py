"""The texts of rows in SQLite, for :class:`~extauth.adapters.sql.sealed_rows.SqlSealedRows`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import final

from extauth.adapters.sqlite import sealed_statements as statements
from extauth.adapters.sqlite.row import Row, instant_from_micros
from extauth.adapters.sqlite.unseen import Parameters, Unseen
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration


@final
class SqliteTexts:
    """Selects them on one connection."""

    def __init__(self, connection: Unseen) -> None:
        self._connection = connection

    async def links(self, after: tuple[str, str]) -> list[Row]:
        parameters = Parameters({"provider": after[0], "user": after[1]})
        return await self._connection.fetch_all(statements.SEALED_LINKS, parameters)

    async def links_of(self, keys: Sequence[LinkKey]) -> list[Row]:
        sql = statements.SEALED_LINKS_OF % ",".join(["(?,?)"] * len(keys))
        return await self._connection.fetch_all(
            sql, [*chain.from_iterable((key.provider_id, key.user_id) for key in keys)]
        )

    async def registrations(self, after: str) -> list[Row]:
        return await self._connection.fetch_all(statements.SEALED_REGISTRATIONS, Parameters({"after": after}))

    async def authorizations(self, after: str) -> list[Row]:
        return await self._connection.fetch_all(
            statements.SEALED_AUTHORIZATIONS, Parameters({"after": after})
        )

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
        return bool(await self._connection.fetch_all(statements.RESEAL_REGISTRATION, parameters))

    def instant(self, value: int) -> datetime:
        return instant_from_micros(value)
