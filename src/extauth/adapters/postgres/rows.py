"""Between rows of ``external_auth_links`` and links. Parameters follow the numbers in ``statements``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import final

import asyncpg

from extauth.adapters.sql.json_columns import (
    extra_from_text,
    extra_to_text,
    resource_tokens_from_text,
    resource_tokens_to_text,
    scopes_from_text,
    scopes_to_text,
)
from extauth.adapters.sql.readable import readable
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.token_set import TokenSet

_MICROSECOND = timedelta(microseconds=1)


@final
class Row(asyncpg.Record):
    """A row of a result. Its ``repr``, which asyncio in debug mode logs, shows no value."""

    def __repr__(self) -> str:
        return f"<Row of {len(self)} columns>"


@final
class Parameters(tuple[object, ...]):
    """Parameters of a statement. Its ``repr`` shows none."""

    __slots__ = ()

    def __new__(cls, *values: object) -> Parameters:
        return super().__new__(cls, values)

    def __repr__(self) -> str:
        return f"<Parameters: {len(self)}>"


def micros(span: timedelta) -> int:
    """Write a span. An interval could hold days, whose length depends on the session's time zone."""
    return span // _MICROSECOND


def key_parameters(key: LinkKey) -> Parameters:
    """Name the row: $1 and $2."""
    return Parameters(key.provider_id, key.user_id)


def provider_parameters(provider_id: str) -> Parameters:
    """Name a provider's rows, with those that are named below it: $1 to $3."""
    below = provider_id + ACCOUNT_SEPARATOR
    beyond = provider_id + chr(ord(ACCOUNT_SEPARATOR) + 1)
    return Parameters(provider_id, below, beyond)


def _text_parameters(tokens: TokenSet) -> Parameters:
    """Write the texts of the grant's own tokens: $3 to $6."""
    return Parameters(
        tokens.access_token,
        tokens.refresh_token,
        tokens.access_token_key_id,
        tokens.refresh_token_key_id,
    )


def token_parameters(tokens: TokenSet) -> Parameters:
    """Write a whole token set: $3 to $13."""
    return Parameters(
        *_text_parameters(tokens),
        tokens.expires_at,
        tokens.issued_at,
        scopes_to_text(tokens.scopes),
        tokens.token_type,
        extra_to_text(tokens.extra),
        tokens.refresh_token_expires_at,
        resource_tokens_to_text(tokens.resource_tokens),
    )


def sealed_parameters(tokens: TokenSet) -> Parameters:
    """Write all that an encryption changes: $3 to $7."""
    return Parameters(*_text_parameters(tokens), resource_tokens_to_text(tokens.resource_tokens))


def origin_parameters(origin: GrantOrigin | None) -> Parameters:
    """Write whom a grant belongs to."""
    if origin is None:
        return Parameters(None, None)
    return Parameters(origin.client_id, origin.token_endpoint)


def failure_parameters(failure: RefreshFailure) -> Parameters:
    """Write a failure mark: $3 to $7."""
    return Parameters(failure.version, failure.reason, failure.at, failure.retry_at, failure.attempts)


def account_parameters(account: Account) -> Parameters:
    """Write whose account a link is for: $4 to $7."""
    return Parameters(account.id, account.login, account.display_name, account.avatar_url)


def _instant(value: datetime) -> datetime:
    # asyncpg writes the last and the first datetime as infinities, and reads those without a zone.
    return value.replace(tzinfo=UTC)


def optional_instant(value: datetime | None) -> datetime | None:
    """Read an instant that may be missing."""
    return None if value is None else value.replace(tzinfo=UTC)


def lease_left(row: Row) -> timedelta:
    """Read how long the row's lease was live from the moment of reading on."""
    left: timedelta = row[22]
    return left


def unresolved_for(row: Row) -> timedelta | None:
    """Read what a claim returns beside the link."""
    age: timedelta | None = row[29]
    return None if age is None else max(age, timedelta(0))


def link_from_row(row: Row) -> Link:
    """Read a row of ``statements``; columns after the link's are ignored.

    :raises StoreUnavailable: for a row that is damaged.
    """
    return readable(_link, row)


def _link(row: Row) -> Link:
    tokens = TokenSet(
        access_token=row[5],
        refresh_token=row[6],
        expires_at=optional_instant(row[7]),
        scopes=scopes_from_text(row[8]),
        token_type=row[9],
        extra=extra_from_text(row[10]),
        access_token_key_id=row[11],
        refresh_token_key_id=row[12],
        issued_at=optional_instant(row[13]),
        refresh_token_expires_at=optional_instant(row[23]),
        resource_tokens=resource_tokens_from_text(row[24]),
    )
    origin = None if row[14] is None else GrantOrigin(row[14], row[15])
    failure = None
    if row[16] is not None:
        failure = RefreshFailure(
            reason=row[16],
            at=_instant(row[17]),
            version=row[18],
            retry_at=optional_instant(row[19]),
            attempts=row[20],
        )
    pending = None
    if row[21] is not None:
        pending = PendingExchange(since=row[21], live=lease_left(row) > timedelta(0))
    account = None if row[25] is None else Account(row[25], row[26], row[27], row[28])
    return Link(
        key=LinkKey(row[0], row[1]),
        tokens=tokens,
        version=row[2],
        created_at=row[3],
        updated_at=row[4],
        failure=failure,
        origin=origin,
        pending=pending,
        account=account,
    )
