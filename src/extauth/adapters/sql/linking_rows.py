"""Rows of authorizations under way and of registered clients: their columns, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import Any, TypeAlias

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.adapters.sql.json_columns import list_from_text, scopes_from_text
from extauth.adapters.sql.readable import readable
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import AlreadyTaken, AnothersState, NotTakenOutcome, StateExpired

ReadInstant: TypeAlias = Callable[[Any], datetime | None]
"""How a database's instants are read, which may be missing."""


class PendingColumn(IntEnum):
    """Columns of an authorization, in the order in which they are selected."""

    PROVIDER_ID = 0
    USER_ID = 1
    REDIRECT_URI = 2
    SALT = 3
    SCOPES = 4
    RESOURCES = 5
    SENT_CHALLENGE = 6
    SENT_NONCE = 7
    CLIENT_ID = 8


class FoundColumn(IntEnum):
    """Columns that follow those where an authorization is looked at."""

    TAKEN = len(PendingColumn)
    EXPIRED = TAKEN + 1


class RegisteredColumn(IntEnum):
    """Columns of a registration, in the order in which they are selected."""

    ISSUER = 0
    CLIENT_ID = 1
    CLIENT_SECRET = 2
    CLIENT_SECRET_EXPIRES_AT = 3
    CLIENT_AUTH = 4
    REDIRECT_URIS = 5
    REGISTRATION_URI = 6
    REGISTRATION_TOKEN = 7
    SCOPES = 8


PENDING_NAMES = tuple(column.name.lower() for column in PendingColumn)
REGISTERED_NAMES = tuple(column.name.lower() for column in RegisteredColumn)


def pending_from_row(state_hash: str, row: IndexedRow) -> PendingAuthorization:
    """Read a row of :data:`PENDING_NAMES`; further columns are ignored.

    :raises StoreUnavailable: for a row that is damaged.
    """
    return readable(partial(_pending, state_hash), row)


def not_takeable(row: IndexedRow, user_id: str | None) -> NotTakenOutcome | None:
    """Say why what was found cannot be taken, if so."""
    if user_id not in {None, row[PendingColumn.USER_ID]}:
        return AnothersState()
    if row[FoundColumn.TAKEN]:
        return AlreadyTaken()
    return StateExpired() if row[FoundColumn.EXPIRED] else None


def registration_from_row(row: IndexedRow, instant: ReadInstant) -> ClientRegistration:
    """Read a row of :data:`REGISTERED_NAMES`; further columns are ignored.

    :raises StoreUnavailable: for a row that is damaged.
    """
    return readable(partial(_registration, instant), row)


def _pending(state_hash: str, row: IndexedRow) -> PendingAuthorization:
    return PendingAuthorization(
        state_hash=state_hash,
        key=LinkKey(row[PendingColumn.PROVIDER_ID], row[PendingColumn.USER_ID]),
        redirect_uri=row[PendingColumn.REDIRECT_URI],
        salt=row[PendingColumn.SALT],
        scopes=scopes_from_text(row[PendingColumn.SCOPES]),
        resources=list_from_text(row[PendingColumn.RESOURCES]),
        sent_challenge=_optional_flag(row[PendingColumn.SENT_CHALLENGE]),
        sent_nonce=_optional_flag(row[PendingColumn.SENT_NONCE]),
        client_id=row[PendingColumn.CLIENT_ID],
    )


def _optional_flag(value: int | None) -> bool | None:
    # SQLite has numbers in their place.
    return None if value is None else bool(value)


def _registration(instant: ReadInstant, row: IndexedRow) -> ClientRegistration:
    scopes = row[RegisteredColumn.SCOPES]
    return ClientRegistration(
        issuer=row[RegisteredColumn.ISSUER],
        client_id=row[RegisteredColumn.CLIENT_ID],
        client_secret=row[RegisteredColumn.CLIENT_SECRET],
        client_secret_expires_at=instant(row[RegisteredColumn.CLIENT_SECRET_EXPIRES_AT]),
        client_auth=row[RegisteredColumn.CLIENT_AUTH],
        redirect_uris=list_from_text(row[RegisteredColumn.REDIRECT_URIS]),
        registration_uri=row[RegisteredColumn.REGISTRATION_URI],
        registration_token=row[RegisteredColumn.REGISTRATION_TOKEN],
        scopes=None if scopes is None else scopes_from_text(scopes),
    )
