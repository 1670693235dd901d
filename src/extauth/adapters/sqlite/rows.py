"""Between rows of ``external_auth_links`` and links. Instants are integer microseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.json_columns import (
    extra_from_text,
    extra_to_text,
    resource_tokens_from_text,
    resource_tokens_to_text,
    scopes_from_text,
    scopes_to_text,
)
from extauth.adapters.sql.plain_links import PlainLinks, account_of
from extauth.adapters.sql.readable import readable, unreadable_link
from extauth.adapters.sql.saved_links import saved_link
from extauth.adapters.sqlite.row import (
    FIRST,
    LAST,
    Row,
    instant_from_micros,
    instant_to_micros,
    optional_instant,
)
from extauth.domain.due import Due
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.token_set import TokenSet

Values: TypeAlias = Mapping[str, object]
"""Parts of a statement's parameters."""

_MICROSECOND = timedelta(microseconds=1)


def micros(span: timedelta) -> int:
    """Write a span."""
    return span // _MICROSECOND


def key_parameters(key: LinkKey) -> Values:
    """Name the row."""
    return {"provider_id": key.provider_id, "user_id": key.user_id}


def provider_parameters(provider_id: str) -> Values:
    """Name a provider's rows, with those that are named below it."""
    below = provider_id + ACCOUNT_SEPARATOR
    beyond = provider_id + chr(ord(ACCOUNT_SEPARATOR) + 1)
    return {"provider_id": provider_id, "below": below, "beyond": beyond}


def due_parameters(provider_id: str, before: datetime, after: Due | None, limit: int) -> Values:
    """Say which links are due, and where the page begins."""
    return {
        **provider_parameters(provider_id),
        "family": provider_id.partition(ACCOUNT_SEPARATOR)[0],
        "before": instant_to_micros(before),
        "after_at": FIRST if after is None else instant_to_micros(after.at),
        "after_provider": "" if after is None else after.key.provider_id,
        "after_user": "" if after is None else after.key.user_id,
        "limit": limit,
    }


def sealed_parameters(tokens: TokenSet) -> Values:
    """Write all that an encryption changes; no ``extra`` leaves what is there."""
    return {**_text_parameters(tokens), "extra": extra_to_text(tokens.extra) or None}


def _text_parameters(tokens: TokenSet) -> Values:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "access_token_key_id": tokens.access_token_key_id,
        "refresh_token_key_id": tokens.refresh_token_key_id,
        "resource_tokens": resource_tokens_to_text(tokens.resource_tokens),
    }


def token_parameters(tokens: TokenSet) -> Values:
    """Write a whole token set."""
    return {
        **_text_parameters(tokens),
        "expiry": instant_to_micros(tokens.expires_at),
        "scopes": scopes_to_text(tokens.scopes),
        "token_type": tokens.token_type,
        "extra": extra_to_text(tokens.extra),
        "issued_at": instant_to_micros(tokens.issued_at),
        "refresh_token_expiry": instant_to_micros(tokens.refresh_token_expires_at),
    }


def origin_parameters(origin: GrantOrigin | None) -> Values:
    """Write whom a grant belongs to."""
    return {
        "client_id": None if origin is None else origin.client_id,
        "token_endpoint": None if origin is None else origin.token_endpoint,
        "resource": None if origin is None else origin.resource,
    }


def version_parameters(key: LinkKey, version: int, written_at: datetime | None) -> Values:
    """Write which state of a link is meant: its version, and when it was written if that is known."""
    return {**key_parameters(key), "version": version, "written_at": instant_to_micros(written_at)}


def failure_parameters(failure: RefreshFailure) -> Values:
    """Write a failure mark; its version is the link's."""
    return {
        "reason": failure.reason,
        "at": instant_to_micros(failure.at),
        "retry_at": instant_to_micros(failure.retry_at),
        "attempts": failure.attempts,
    }


def account_parameters(account: Account) -> Values:
    """Write whose account a link is for."""
    return {
        "account_id": account.id,
        "login": account.login,
        "display_name": account.display_name,
        "avatar_url": account.avatar_url,
    }


def _any_link(row: Row) -> Link:
    return readable(_link, row, lambda: unreadable_link(row[column.PROVIDER_ID], row[column.USER_ID]))


def _link(row: Row) -> Link:
    tokens = TokenSet(
        access_token=row[column.OAUTH_ACCESS_TOKEN],
        refresh_token=row[column.OAUTH_REFRESH_TOKEN],
        expires_at=optional_instant(row[column.OAUTH_EXPIRY]),
        scopes=scopes_from_text(row[column.OAUTH_SCOPES]),
        token_type=row[column.OAUTH_TOKEN_TYPE],
        extra=extra_from_text(row[column.OAUTH_EXTRA]),
        access_token_key_id=row[column.OAUTH_ACCESS_TOKEN_KEY_ID],
        refresh_token_key_id=row[column.OAUTH_REFRESH_TOKEN_KEY_ID],
        issued_at=optional_instant(row[column.OAUTH_ISSUED_AT]),
        refresh_token_expires_at=optional_instant(row[column.OAUTH_REFRESH_TOKEN_EXPIRY]),
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
            at=instant_from_micros(row[column.OAUTH_REFRESH_FAILURE_AT]),
            version=row[column.OAUTH_REFRESH_FAILURE_VERSION],
            retry_at=optional_instant(row[column.OAUTH_REFRESH_FAILURE_RETRY_AT]),
            attempts=row[column.OAUTH_REFRESH_FAILURE_ATTEMPTS],
        )
    return Link(
        key=LinkKey(row[column.PROVIDER_ID], row[column.USER_ID]),
        tokens=tokens,
        version=row[column.VERSION],
        created_at=instant_from_micros(row[column.CREATED_AT]),
        updated_at=instant_from_micros(row[column.UPDATED_AT]),
        failure=failure,
        origin=origin,
        pending=None if row[column.PENDING_SINCE] is None else pending_from_row(row),
        account=account_of(row),
    )


def saved_from_row(row: Row, key: LinkKey, tokens: TokenSet) -> Link:
    """Read what ``statements.SAVE`` returns. Raises as :data:`link_from_row`."""
    return readable(
        lambda row: saved_link(row, key, tokens, instant_from_micros),
        row,
        lambda: unreadable_link(key.provider_id, key.user_id),
    )


def pending_from_row(row: Row) -> PendingExchange:
    """Read that an exchange has begun, if one has."""
    return PendingExchange(instant_from_micros(row[column.PENDING_SINCE]), live=row[column.LEASE_LEFT] > 0)


link_from_row: Final = PlainLinks(_any_link, pending_from_row, FIRST, LAST).link
"""Reads a row of ``statements``; columns after the link's are ignored. Raises ``LinkUnreadable`` for a row
that is damaged, or that another program has written."""
