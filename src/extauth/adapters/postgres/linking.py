"""Authorizations under way and registered clients in Postgres, for :class:`PostgresLinkStore`."""

from __future__ import annotations

from datetime import timedelta
from typing import final

from extauth.adapters.postgres import linking_statements as statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.row import optional_instant
from extauth.adapters.postgres.rows import key_parameters, micros
from extauth.adapters.sql.arguments import checked_begin
from extauth.adapters.sql.conditional_writes import repeated, swallowed
from extauth.adapters.sql.json_columns import list_to_text, scopes_to_text
from extauth.adapters.sql.linking_rows import not_takeable, pending_from_row, registration_from_row
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import (
    FindOutcome,
    NoSuchState,
    NotTakenOutcome,
    Taken,
    TakeOutcome,
    Waiting,
)


@final
class Authorizations:
    """What :class:`~extauth.domain.linking_ports.AuthorizationStore` says."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def begin(self, pending: PendingAuthorization, ttl: timedelta, at_most: int) -> None:
        """Remember the authorization, unless its state is known, and let the user's oldest give way."""
        checked_begin(ttl, at_most)
        begun = await self._connections.write(
            statements.BEGIN,
            pending.state_hash,
            *key_parameters(pending.key),
            pending.redirect_uri,
            pending.salt,
            scopes_to_text(pending.scopes),
            list_to_text(pending.resources),
            pending.sent_challenge,
            pending.sent_nonce,
            pending.client_id,
            micros(ttl),
        )
        if not begun and not await self._connections.read(statements.FIND, pending.state_hash):
            raise swallowed()
        # Afterwards, so that of many at once the last sees all.
        await self._connections.write(
            statements.GIVE_WAY, pending.key.user_id, pending.state_hash, at_most - 1
        )

    async def find(self, state_hash: str, user_id: str | None) -> FindOutcome:
        """Return the authorization without its salt, or say why it cannot be taken."""
        rows = await self._connections.read(statements.FIND, state_hash)
        if not rows:
            return NoSuchState()
        return not_takeable(rows[0], user_id) or Waiting(pending_from_row(state_hash, rows[0]))

    async def take(self, state_hash: str, user_id: str | None) -> TakeOutcome:
        """Take the authorization, or say why not."""

        async def take() -> Taken | None:
            rows = await self._connections.write(statements.TAKE, state_hash, user_id)
            return Taken(pending_from_row(state_hash, rows[0])) if rows else None

        async def why_not() -> NotTakenOutcome | None:
            rows = await self._connections.read(statements.FIND, state_hash)
            return not_takeable(rows[0], user_id) if rows else NoSuchState()

        return await repeated(take, why_not)

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
        return registration_from_row(rows[0], optional_instant) if rows else None

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
            None if registration.scopes is None else scopes_to_text(registration.scopes),
            instead_of,
        )
        if not rows:
            raise swallowed()
        return registration_from_row(rows[0], optional_instant)
