"""Authorizations under way and registered clients in Postgres, for :class:`PostgresLinkStore`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import final

from extauth.adapters.postgres import linking_statements as statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.rows import Row, key_parameters, micros, optional_instant
from extauth.adapters.sql.arguments import checked_ttl
from extauth.adapters.sql.json_columns import list_from_text, list_to_text, scopes_from_text, scopes_to_text
from extauth.adapters.sql.readable import readable
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import (
    AlreadyTaken,
    AnothersState,
    NoSuchState,
    StateExpired,
    Taken,
    TakeOutcome,
)


@final
class Authorizations:
    """What :class:`~extauth.domain.linking_ports.AuthorizationStore` says."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def begin(self, pending: PendingAuthorization, ttl: timedelta) -> None:
        """Remember the authorization, unless its state is known."""
        checked_ttl(ttl)
        await self._connections.write(
            statements.BEGIN,
            pending.state_hash,
            *key_parameters(pending.key),
            pending.redirect_uri,
            pending.salt,
            scopes_to_text(pending.scopes),
            list_to_text(pending.resources),
            micros(ttl),
        )

    async def take(self, state_hash: str, user_id: str | None) -> TakeOutcome:
        """Take the authorization, or say why not."""
        rows = await self._connections.write(statements.TAKE, state_hash, user_id)
        if rows:
            return Taken(readable(partial(_pending, state_hash), rows[0]))
        rows = await self._connections.read(statements.FIND, state_hash)
        if not rows:
            return NoSuchState()
        owner, taken = rows[0]
        if user_id not in {None, owner}:
            return AnothersState()
        return AlreadyTaken() if taken else StateExpired()

    async def forget(self, key: LinkKey) -> int:
        """Remove what is pending for that link, and count it."""
        return len(await self._connections.write(statements.FORGET, *key_parameters(key)))

    async def purge(self) -> int:
        """Remove what has expired, and count it."""
        return len(await self._connections.write(statements.PURGE))


@final
class Registrations:
    """What :class:`~extauth.domain.linking_ports.RegistrationStore` says."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def get(self, name: str) -> ClientRegistration | None:
        """Return what is kept under that name."""
        rows = await self._connections.read(statements.REGISTRATION, name)
        return readable(_registration, rows[0]) if rows else None

    async def keep(
        self, name: str, registration: ClientRegistration, instead_of: str | None
    ) -> ClientRegistration:
        """Keep it unless there is another than that to be replaced, and return what is kept."""
        rows = await self._connections.write(
            statements.KEEP,
            name,
            registration.issuer,
            registration.client_id,
            registration.client_secret,
            registration.client_secret_expires_at,
            registration.client_auth,
            list_to_text(registration.redirect_uris),
            registration.registration_uri,
            registration.registration_token,
            instead_of,
        )
        return readable(_registration, rows[0])


def _pending(state_hash: str, row: Row) -> PendingAuthorization:
    return PendingAuthorization(
        state_hash=state_hash,
        key=LinkKey(row[0], row[1]),
        redirect_uri=row[2],
        salt=row[3],
        scopes=scopes_from_text(row[4]),
        resources=list_from_text(row[5]),
    )


def _registration(row: Row) -> ClientRegistration:
    return ClientRegistration(
        issuer=row[0],
        client_id=row[1],
        client_secret=row[2],
        client_secret_expires_at=optional_instant(row[3]),
        client_auth=row[4],
        redirect_uris=list_from_text(row[5]),
        registration_uri=row[6],
        registration_token=row[7],
    )
