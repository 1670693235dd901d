"""Between rows of ``external_auth_links`` and links. Parameters follow the numbers in ``statements``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, final

from extauth.adapters.postgres.row import FIRST, LAST, Row, instant_from_bytes
from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.json_columns import (
    extra_to_text,
    resource_tokens_to_text,
    scopes_to_text,
)
from extauth.adapters.sql.plain_links import PlainLinks
from extauth.adapters.sql.saved_links import saved_link
from extauth.adapters.sql.whole_links import whole_link
from extauth.domain.due import Due
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.token_set import TokenSet

_MICROSECOND = timedelta(microseconds=1)
_FIRST = datetime.min.replace(tzinfo=UTC) + _MICROSECOND  # the very first one is minus infinity


@final
class Parameters:
    """Parameters of a statement. Its ``repr`` shows none, and it is no sequence: tools that report errors
    look into those, whatever their ``repr``."""

    __slots__ = ("_values",)

    def __init__(self, *values: object) -> None:
        self._values = values

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Parameters: {len(self)}>"

    def first(self, count: int) -> tuple[object, ...]:
        """Return that many of them, such as the two that name a link."""
        return self._values[:count]


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


def due_parameters(provider_id: str, before: datetime, after: Due | None, limit: int) -> Parameters:
    """Say which links are due, and where the page begins: $1 to $9."""
    family = provider_id.partition(ACCOUNT_SEPARATOR)[0]
    start = (_FIRST, "", "") if after is None else (after.at, after.key.provider_id, after.key.user_id)
    return Parameters(*provider_parameters(provider_id), family, before, *start, limit)


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


def sealed_parameters(tokens: TokenSet, version: int) -> Parameters:
    """Write all that an encryption changes, and at which version: $3 to $9; no ``extra`` leaves that."""
    extra = extra_to_text(tokens.extra) or None
    return Parameters(
        *_text_parameters(tokens), resource_tokens_to_text(tokens.resource_tokens), version, extra
    )


def origin_parameters(origin: GrantOrigin | None) -> Parameters:
    """Write whom a grant belongs to."""
    if origin is None:
        return Parameters(None, None, None)
    return Parameters(origin.client_id, origin.token_endpoint, origin.resource)


def failure_parameters(failure: RefreshFailure) -> Parameters:
    """Write a failure mark: $3 to $7."""
    return Parameters(failure.version, failure.reason, failure.at, failure.retry_at, failure.attempts)


def account_parameters(account: Account) -> Parameters:
    """Write whose account a link is for: $4 to $7."""
    return Parameters(account.id, account.login, account.display_name, account.avatar_url)


def lease_left(row: Row) -> timedelta:
    """Read how long the row's lease was live from the moment of reading on."""
    left: timedelta = row[column.LEASE_LEFT]
    return left


def saved_from_row(row: Row, key: LinkKey, tokens: TokenSet) -> Link:
    """Read what ``statements.SAVE`` returns. Raises as :data:`link_from_row`."""
    return saved_link(row, key, tokens, instant_from_bytes)


def pending_from_row(row: Row) -> PendingExchange:
    """Read that an exchange has begun, if one has."""
    left: timedelta | None = row[column.LEASE_LEFT]
    since = instant_from_bytes(row[column.PENDING_SINCE])
    return PendingExchange(since, live=left is not None and left > timedelta(0))


_any_link = partial(whole_link, instant=instant_from_bytes, pending=pending_from_row)

link_from_row: Final = PlainLinks(_any_link, pending_from_row, FIRST, LAST).link
"""Reads a row of ``statements``; columns after the link's are ignored. Raises ``LinkUnreadable`` for a row
that is damaged, or that another program has written."""
