"""Making a link of any row, whatever stands in it: one that is out of the ordinary, or that another program
may have written. All of it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.json_columns import extra_from_text, resource_tokens_from_text, scopes_from_text
from extauth.adapters.sql.plain_links import StoredRow, account_of
from extauth.adapters.sql.readable import readable, unreadable_link
from extauth.domain.link import GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.token_set import TokenSet

R = TypeVar("R", bound=StoredRow)


def whole_link(
    row: R, *, instant: Callable[[Any], datetime], pending: Callable[[R], PendingExchange]
) -> Link:
    """Return the link of a row of ``link_columns``; ``instant`` reads one of its times that is there, and
    ``pending`` that an exchange has begun.

    :raises StoreUnavailable: if it cannot be read; it is a ``LinkUnreadable`` if its key can.
    """
    return readable(
        lambda row: _made(row, instant, pending),
        row,
        lambda: unreadable_link(row[column.PROVIDER_ID], row[column.USER_ID]),
    )


def _made(row: R, instant: Callable[[Any], datetime], pending: Callable[[R], PendingExchange]) -> Link:
    def optional(number: int) -> datetime | None:
        return None if row[number] is None else instant(row[number])

    tokens = TokenSet(
        access_token=row[column.OAUTH_ACCESS_TOKEN],
        refresh_token=row[column.OAUTH_REFRESH_TOKEN],
        expires_at=optional(column.OAUTH_EXPIRY),
        scopes=scopes_from_text(row[column.OAUTH_SCOPES]),
        token_type=row[column.OAUTH_TOKEN_TYPE],
        extra=extra_from_text(row[column.OAUTH_EXTRA]),
        access_token_key_id=row[column.OAUTH_ACCESS_TOKEN_KEY_ID],
        refresh_token_key_id=row[column.OAUTH_REFRESH_TOKEN_KEY_ID],
        issued_at=optional(column.OAUTH_ISSUED_AT),
        refresh_token_expires_at=optional(column.OAUTH_REFRESH_TOKEN_EXPIRY),
        resource_tokens=resource_tokens_from_text(row[column.OAUTH_RESOURCE_TOKENS]),
    )
    origin = None
    if row[column.OAUTH_CLIENT_ID] is not None:
        origin = GrantOrigin(
            row[column.OAUTH_CLIENT_ID], row[column.OAUTH_TOKEN_ENDPOINT], row[column.OAUTH_RESOURCE]
        )
    failure = None
    if row[column.OAUTH_REFRESH_FAILURE_REASON] is not None:
        failure = RefreshFailure(
            reason=row[column.OAUTH_REFRESH_FAILURE_REASON],
            at=instant(row[column.OAUTH_REFRESH_FAILURE_AT]),
            version=row[column.OAUTH_REFRESH_FAILURE_VERSION],
            retry_at=optional(column.OAUTH_REFRESH_FAILURE_RETRY_AT),
            attempts=row[column.OAUTH_REFRESH_FAILURE_ATTEMPTS],
        )
    return Link(
        key=LinkKey(row[column.PROVIDER_ID], row[column.USER_ID]),
        tokens=tokens,
        version=row[column.VERSION],
        created_at=instant(row[column.CREATED_AT]),
        updated_at=instant(row[column.UPDATED_AT]),
        failure=failure,
        origin=origin,
        pending=None if row[column.PENDING_SINCE] is None else pending(row),
        account=account_of(row),
    )
