"""Authorizations under way and registered clients in SQLite, for :class:`SqliteLinkStore`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.adapters.sql.arguments import checked_begin
from extauth.adapters.sql.conditional_writes import repeated, swallowed
from extauth.adapters.sql.json_columns import list_to_text, scopes_to_text
from extauth.adapters.sql.linking_rows import (
    PendingColumn,
    not_takeable,
    pending_from_row,
    registration_from_row,
)
from extauth.adapters.sqlite import linking_statements as statements
from extauth.adapters.sqlite.row import Row, instant_to_micros, optional_instant
from extauth.adapters.sqlite.rows import key_parameters, micros
from extauth.adapters.sqlite.unseen import Parameters
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

Execute: TypeAlias = Callable[[str, Parameters], Awaitable[list[Row]]]
"""Runs a statement, and raises StoreUnavailable when it cannot."""


@final
class Authorizations:
    """What :class:`~extauth.domain.linking_ports.AuthorizationStore` says."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def begin(self, pending: PendingAuthorization, ttl: timedelta, at_most: int) -> None:
        """Remember the authorization, unless its state is known, and let the user's oldest give way."""
        checked_begin(ttl, at_most)
        parameters = Parameters(
            {
                **key_parameters(pending.key),
                "state_hash": pending.state_hash,
                "redirect_uri": pending.redirect_uri,
                "salt": pending.salt,
                "scopes": scopes_to_text(pending.scopes),
                "resources": list_to_text(pending.resources),
                "sent_challenge": pending.sent_challenge,
                "sent_nonce": pending.sent_nonce,
                "client_id": pending.client_id,
                "ttl": micros(ttl),
            }
        )
        if (
            not await self._execute(statements.BEGIN, parameters)
            and await self._find(pending.state_hash) is None
        ):
            raise swallowed()
        # Afterwards, so that of many at once the last sees all.
        own = {"user_id": pending.key.user_id, "state_hash": pending.state_hash, "others": at_most - 1}
        await self._execute(statements.GIVE_WAY, Parameters(own))

    async def find(self, state_hash: str, user_id: str | None) -> FindOutcome:
        """Return the authorization without its salt, or say why it cannot be taken."""
        row = await self._find(state_hash)
        if row is None:
            return NoSuchState()
        refusal = not_takeable(row, user_id)
        return refusal or Waiting(attrs.evolve(pending_from_row(state_hash, row), salt=""))

    async def take(self, state_hash: str, user_id: str | None) -> TakeOutcome:
        """Take the authorization, or say why not."""
        row = await self._find(state_hash)
        if row is None:
            return NoSuchState()
        parameters = Parameters(
            {"state_hash": state_hash, "salt": row[PendingColumn.SALT], "user_id": user_id}
        )

        async def take() -> Taken | None:
            taken = await self._execute(statements.TAKE, parameters)
            return Taken(pending_from_row(state_hash, row)) if taken else None

        async def why_not() -> NotTakenOutcome | None:
            found = await self._find(state_hash)
            return NoSuchState() if found is None else not_takeable(found, user_id)

        return await repeated(take, why_not)

    async def forget(self, key: LinkKey) -> int:
        """Remove what is pending for that link, and count it."""
        return len(await self._execute(statements.FORGET, Parameters(key_parameters(key))))

    async def purge(self) -> int:
        """Remove what has expired, and count it."""
        return len(await self._execute(statements.PURGE, Parameters()))

    async def _find(self, state_hash: str) -> Row | None:
        rows = await self._execute(statements.FIND, Parameters({"state_hash": state_hash}))
        return rows[0] if rows else None


@final
class Registrations:
    """What :class:`~extauth.domain.linking_ports.RegistrationStore` says."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def get(self, name: str) -> ClientRegistration | None:
        """Return what is kept under that name."""
        rows = await self._execute(statements.REGISTRATION, Parameters({"name": name}))
        return registration_from_row(rows[0], optional_instant) if rows else None

    async def keep(
        self, name: str, registration: ClientRegistration, instead_of: str | None
    ) -> ClientRegistration:
        """Keep it unless there is another than that to be replaced, and return what is kept."""
        parameters = Parameters(
            {
                "name": name,
                "issuer": registration.issuer,
                "client_id": registration.client_id,
                "client_secret": registration.client_secret,
                "client_secret_expires_at": instant_to_micros(registration.client_secret_expires_at),
                "client_auth": registration.client_auth,
                "redirect_uris": list_to_text(registration.redirect_uris),
                "registration_uri": registration.registration_uri,
                "registration_token": registration.registration_token,
                "scopes": None if registration.scopes is None else scopes_to_text(registration.scopes),
                "instead_of": instead_of,
            }
        )
        rows = await self._execute(statements.KEEP, parameters)
        if not rows:
            raise swallowed()
        return registration_from_row(rows[0], optional_instant)
