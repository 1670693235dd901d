"""Making links of rows that this library wrote, with which all is well: nearly all that are read.

A row in which nothing is out of the ordinary becomes a link without the validators that ran when it was
written; its times are made when somebody looks at them. What is looked at here is enough for that: no part of
such a link can turn out to be unreadable later. Any other row, and whatever another program may have written,
is read as ever, with the error that this has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast, final

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.adapters.sql.json_columns import scopes_from_text
from extauth.adapters.sql.link_columns import (
    ACCOUNT_AVATAR_URL,
    ACCOUNT_DISPLAY_NAME,
    ACCOUNT_ID,
    ACCOUNT_LOGIN,
    CREATED_AT,
    OAUTH_ACCESS_TOKEN_KEY_ID,
    OAUTH_CLIENT_ID,
    OAUTH_EXPIRY,
    OAUTH_EXTRA,
    OAUTH_ISSUED_AT,
    OAUTH_REFRESH_TOKEN_EXPIRY,
    OAUTH_RESOURCE_TOKENS,
    OAUTH_SCOPES,
    OAUTH_TOKEN_TYPE,
    PENDING_SINCE,
    PROVIDER_ID,
    UPDATED_AT,
    USER_ID,
)
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange
from extauth.domain.partly_read import Unread
from extauth.domain.storable import MAX_ID_LENGTH, JsonValue
from extauth.domain.stored_link import stored_link

INSTANTS: Mapping[str, int] = {"expires_at": OAUTH_EXPIRY, "updated_at": UPDATED_AT}
"""Where a row has the times that decisions are taken on as numbers."""

_MOST_IN_COMMON = 1024
"""Of what links have in common this many are known: a few for each provider."""

_NOTHING = ("", None, None, None, None, None)
"""No tokens for single resources, no mark."""

_UNKNOWN: Any = object()


class StoredRow(IndexedRow, Unread, Protocol):
    """What a row of either database is, once it is ours."""


R = TypeVar("R", bound=StoredRow)


@final
class PlainLinks(Generic[R]):
    """Calls ``decode`` where it must. Only for rows of ``link_columns``, whose times are between ``first``
    and ``last``, as the database gives them."""

    def __init__(
        self, decode: Callable[[R], Link], pending: Callable[[R], PendingExchange], first: Any, last: Any
    ) -> None:
        self._decode = decode
        self._pending = pending
        self._first = first
        self._last = last
        self._origins: dict[tuple[object, ...], GrantOrigin | None] = {}
        """By what most links of a provider have in common, as it stands in their rows, once one with just
        that was read without an error."""

    def link(self, row: R) -> Link:
        """Return the link that ``decode`` would return.

        :raises LinkUnreadable: as ``decode`` does.
        """
        link = None
        with_others = row[OAUTH_SCOPES:ACCOUNT_ID]
        try:
            origin = self._origins.get(with_others, _UNKNOWN)
            if origin is not _UNKNOWN:
                link = self._plain(row, origin)
        except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError):
            pass  # a column holds what none of ours holds
        if link is not None:
            return link
        link = self._decode(row)
        if len(self._origins) < _MOST_IN_COMMON:
            self._origins[with_others] = link.origin
        return link

    def _plain(self, row: R, origin: GrantOrigin | None) -> Link | None:
        provider_id, user_id, version, created, updated, access, refresh, expiry, issued, end = row[
            :OAUTH_SCOPES
        ]
        texts = (
            provider_id + user_id + access if refresh is None else provider_id + user_id + access + refresh
        )
        first, last = self._first, self._last
        if not (
            row[OAUTH_RESOURCE_TOKENS:PENDING_SINCE] == _NOTHING
            and type(version) is int
            and access != ""
            and refresh != ""
            and texts.isascii()
            and "\0" not in texts
            and 0 < len(provider_id) <= MAX_ID_LENGTH
            and 0 < len(user_id) <= MAX_ID_LENGTH
            and first <= created <= last
            and first <= updated <= last
            and (expiry is None or first <= expiry <= last)
            and (issued is None or first <= issued <= last)
            and (end is None or first <= end <= last)
            and (row[ACCOUNT_ID] is None or _is_account(row))
        ):
            return None
        extra, since = row[OAUTH_EXTRA], row[PENDING_SINCE]
        return stored_link(
            row,
            version=version,
            access_token=access,
            refresh_token=refresh,
            key_ids=row[OAUTH_ACCESS_TOKEN_KEY_ID:OAUTH_CLIENT_ID],
            extra={} if extra == "" else _json_object(extra),
            origin=origin,
            pending=None if since is None else self._pending(row),
        )


def link_parts(row: StoredRow, instant: Callable[[Any], datetime]) -> Mapping[str, Any]:
    """Make the parts of a plain row's link that :func:`stored_link` leaves out."""
    return {
        "key": LinkKey(row[PROVIDER_ID], row[USER_ID]),
        "created_at": instant(row[CREATED_AT]),
        "updated_at": instant(row[UPDATED_AT]),
        "account": account_of(row),
    }


def token_parts(row: StoredRow, instant: Callable[[Any], datetime | None]) -> Mapping[str, Any]:
    """Make the parts of its tokens."""
    return {
        "expires_at": instant(row[OAUTH_EXPIRY]),
        "issued_at": instant(row[OAUTH_ISSUED_AT]),
        "refresh_token_expires_at": instant(row[OAUTH_REFRESH_TOKEN_EXPIRY]),
        "scopes": scopes_from_text(row[OAUTH_SCOPES]),
        "token_type": row[OAUTH_TOKEN_TYPE],
    }


def key_of(row: StoredRow, asked: LinkKey) -> LinkKey:
    """Return whose link a row is: mostly that which was asked for, so that no other key need be made."""
    own = row[PROVIDER_ID] == asked.provider_id and row[USER_ID] == asked.user_id
    return asked if own else LinkKey(row[PROVIDER_ID], row[USER_ID])


def account_of(row: StoredRow) -> Account | None:
    """Read whose account a link is for."""
    if row[ACCOUNT_ID] is None:
        return None
    return Account(row[ACCOUNT_ID], row[ACCOUNT_LOGIN], row[ACCOUNT_DISPLAY_NAME], row[ACCOUNT_AVATAR_URL])


def _is_account(row: StoredRow) -> bool:
    name = row[ACCOUNT_ID]
    if not (name and len(name) <= MAX_ID_LENGTH):
        return False
    said = "".join(text for text in row[ACCOUNT_ID:OAUTH_EXTRA] if text is not None)
    said.encode()
    return "\0" not in said


def _json_object(text: str) -> dict[str, JsonValue]:
    value: Any = json.loads(text, parse_constant=_no_json)
    if type(value) is not dict:
        raise TypeError
    return cast("dict[str, JsonValue]", value)


def _no_json(_: str) -> None:
    raise ValueError
