"""Making links of rows that this library wrote, with which all is well: nearly all that are read.

A row in which nothing is out of the ordinary becomes a link without the validators that ran when it was
written; its times are made when somebody looks at them. What is looked at here is enough for that: no part of
such a link can turn out to be unreadable later. Any other row, and whatever another program may have written,
is read as ever, with the error that this has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, final

from extauth.adapters.sql.link_columns import (
    ACCOUNT_AVATAR_URL,
    ACCOUNT_DISPLAY_NAME,
    ACCOUNT_ID,
    ACCOUNT_LOGIN,
    CREATED_AT,
    OAUTH_EXPIRY,
    OAUTH_EXTRA,
    OAUTH_ISSUED_AT,
    OAUTH_REFRESH_TOKEN_EXPIRY,
    OAUTH_RESOURCE_TOKENS,
    OAUTH_SCOPES,
    PENDING_SINCE,
    UPDATED_AT,
)
from extauth.domain.link import Account, Link, PendingExchange
from extauth.domain.partly_read import Unread
from extauth.domain.storable import MAX_ID_LENGTH, JsonValue
from extauth.domain.stored_link import Common, common_of, stored_link

INSTANTS: Mapping[str, int] = {
    "created_at": CREATED_AT,
    "updated_at": UPDATED_AT,
    "expires_at": OAUTH_EXPIRY,
    "issued_at": OAUTH_ISSUED_AT,
    "refresh_token_expires_at": OAUTH_REFRESH_TOKEN_EXPIRY,
}
"""Where a row has the times that are made when they are looked at."""

_MOST_COMMON = 1024
"""Of what links have in common this many are known: a few for each provider."""

_NOTHING = ("", None, None, None, None, None)
"""No tokens for single resources, no mark."""


class StoredRow(Unread, Protocol):
    """What a row of either database is, once it is ours."""

    def __getitem__(self, index: Any, /) -> Any:
        """Return the value in that column, or those in some."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Give the values in the order of the columns."""
        ...


R = TypeVar("R", bound=StoredRow)


@final
class PlainLinks(Generic[R]):
    """Calls ``decode`` where it must. Only for rows of ``link_columns``, whose times are between ``first`` and
    ``last``, as the database gives them."""

    def __init__(
        self, decode: Callable[[R], Link], pending: Callable[[R], PendingExchange], first: Any, last: Any
    ) -> None:
        self._decode = decode
        self._pending = pending
        self._first = first
        self._last = last
        self._common: dict[tuple[object, ...], Common] = {}

    def link(self, row: R) -> Link:
        """Return the link that ``decode`` would return.

        :raises LinkUnreadable: as ``decode`` does.
        """
        try:
            common = self._common.get(row[OAUTH_SCOPES:ACCOUNT_ID])
            link = None if common is None else self._plain(row, common)
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            link = None  # a column holds what none of ours holds
        if link is not None:
            return link
        link = self._decode(row)
        if len(self._common) < _MOST_COMMON:
            self._common[row[OAUTH_SCOPES:ACCOUNT_ID]] = common_of(link)
        return link

    def _plain(self, row: R, common: Common) -> Link | None:
        provider_id, user_id, version, created, updated, access, refresh, expiry, issued, end = row[
            :OAUTH_SCOPES
        ]
        first, last = self._first, self._last
        if (
            row[OAUTH_RESOURCE_TOKENS:PENDING_SINCE] != _NOTHING
            or not _is_token(access)
            or not (refresh is None or _is_token(refresh))
            or not (_is_id(provider_id) and _is_id(user_id))
            or not (first <= created <= last and first <= updated <= last)
            or not (expiry is None or first <= expiry <= last)
            or not (issued is None or first <= issued <= last)
            or not (end is None or first <= end <= last)
            or not (row[ACCOUNT_ID] is None or _is_account(row))
        ):
            return None
        text = row[OAUTH_EXTRA]
        extra = {} if text == "" else _json_object(text)
        pending = None if row[PENDING_SINCE] is None else self._pending(row)
        return stored_link(provider_id, user_id, version, access, refresh, common, extra, pending, row)


def account_of(row: StoredRow) -> Account | None:
    """Read whose account a link is for."""
    if row[ACCOUNT_ID] is None:
        return None
    return Account(row[ACCOUNT_ID], row[ACCOUNT_LOGIN], row[ACCOUNT_DISPLAY_NAME], row[ACCOUNT_AVATAR_URL])


def _is_token(text: str) -> bool:
    return text != "" and text.isascii() and "\0" not in text


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID_LENGTH and text.isascii() and "\0" not in text


def _is_account(row: StoredRow) -> bool:
    name = row[ACCOUNT_ID]
    if not (name and len(name) <= MAX_ID_LENGTH):
        return False
    said = "".join(text for text in row[ACCOUNT_ID:OAUTH_EXTRA] if text is not None)
    said.encode()
    return "\0" not in said


def _json_object(text: str) -> dict[str, JsonValue]:
    value = json.loads(text, parse_constant=_no_json)
    if type(value) is not dict:
        raise TypeError
    return value


def _no_json(_: str) -> None:
    raise ValueError
