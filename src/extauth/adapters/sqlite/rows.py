"""Between rows of ``external_auth_links`` and links. Instants are integer microseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.json_columns import (
    extra_to_text,
    resource_tokens_to_text,
    scopes_to_text,
)
from extauth.adapters.sql.plain_links import PlainLinks
from extauth.adapters.sql.saved_links import saved_link
from extauth.adapters.sql.whole_links import whole_link
from extauth.adapters.sqlite.row import (
    FIRST,
    LAST,
    Row,
    instant_from_micros,
    instant_to_micros,
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


def saved_from_row(row: Row, key: LinkKey, tokens: TokenSet) -> Link:
    """Read what ``statements.SAVE`` returns. Raises as :data:`link_from_row`."""
    return saved_link(row, key, tokens, instant_from_micros)


def pending_from_row(row: Row) -> PendingExchange:
    """Read that an exchange has begun, if one has."""
    return PendingExchange(instant_from_micros(row[column.PENDING_SINCE]), live=row[column.LEASE_LEFT] > 0)


_any_link = partial(whole_link, instant=instant_from_micros, pending=pending_from_row)

link_from_row: Final = PlainLinks(_any_link, pending_from_row, FIRST, LAST).link
"""Reads a row of ``statements``; columns after the link's are ignored. Raises ``LinkUnreadable`` for a row
that is damaged, or that another program has written."""
