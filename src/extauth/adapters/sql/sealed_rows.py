"""Which rows of a database are encrypted with which key, read in slices by primary key."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar, final

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration
from extauth.domain.sealed import SEAL_MARK, KeyIds, key_ids_of
from extauth.domain.sealed_rows import SealedCounts

_log: Final = logging.getLogger("extauth")

SLICE: Final = 1000
"""Rows in one statement: some milliseconds, for which other calls may have to wait."""

HEAD: Final = 300
"""Characters of a text that say its key: the mark, an id of at most 255, and what parts them."""

LINK_TEXTS: Final = ("oauth_access_token", "oauth_refresh_token")
CLIENT_TEXTS: Final = ("client_secret", "registration_token")

T = TypeVar("T")


def head(column: str) -> str:
    """Return what to select of a text: empty text if it is plain, so that no token is among the results."""
    start = f"substr({column}, 1, {len(SEAL_MARK)})"
    return (
        f"CASE WHEN {start} = '{SEAL_MARK}' THEN substr({column}, 1, {HEAD}) ELSE substr({column}, 1, 0) END"
    )


class Texts(Protocol):
    """Selects the texts of rows in slices of :data:`SLICE`, each after the primary key given."""

    async def links(self, after: tuple[str, str]) -> Sequence[IndexedRow]:
        """Provider id, user id, the heads of both tokens, extra, and the tokens for resources."""
        ...

    async def links_of(self, keys: Sequence[LinkKey]) -> Sequence[IndexedRow]:
        """Return the same of these links, in any order."""
        ...

    async def registrations(self, after: str) -> Sequence[IndexedRow]:
        """Name, and the heads of both secrets."""
        ...

    async def authorizations(self, after: str) -> Sequence[IndexedRow]:
        """State hash, the head of the salt, and when it expires, of those that have a salt."""
        ...

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        """See :class:`~extauth.domain.sealed_rows.SealedRows`."""
        ...

    def instant(self, value: Any) -> datetime:
        """Read an instant as the database gives it."""
        ...


@final
class SqlSealedRows:
    """What :class:`~extauth.domain.sealed_rows.SealedRows` says, for a database."""

    def __init__(self, texts: Texts, check: Callable[[], object]) -> None:
        self._texts = texts
        self._check = check
        """Raises unless the store serves the running loop."""

    async def count(self) -> SealedCounts:
        self._check()
        links, registrations, authorizations = Counter[KeyIds](), Counter[KeyIds](), Counter[KeyIds]()
        latest = dict[KeyIds, datetime]()
        async for row in _all(self._texts.links, ("", ""), lambda row: (row[0], row[1])):
            links[_of_link(row)] += 1
        async for row in _all(self._texts.registrations, "", lambda row: row[0]):
            registrations[key_ids_of((row[1], row[2]))] += 1
        async for row in _all(self._texts.authorizations, "", lambda row: row[0]):
            key_ids, expiry = key_ids_of((row[1],)), self._texts.instant(row[2])
            authorizations[key_ids] += 1
            latest[key_ids] = max(expiry, latest.get(key_ids, expiry))
        del registrations[frozenset()]
        return SealedCounts(links, registrations, authorizations, latest)

    async def links(self, key_id: str, *, after: LinkKey | None = None, limit: int = SLICE) -> list[LinkKey]:
        self._check()
        start = ("", "") if after is None else (after.provider_id, after.user_id)
        found: list[LinkKey] = []
        while len(found) < limit:
            rows = await self._texts.links(start)
            found += _named(rows, key_id)
            if len(rows) < SLICE:
                break
            start = rows[-1][0], rows[-1][1]
        return found[:limit]

    async def links_among(self, keys: Sequence[LinkKey], key_id: str) -> list[LinkKey]:
        self._check()
        if not keys:
            return []
        left = set(_named(await self._texts.links_of(keys), key_id))
        return [key for key in keys if key in left]

    async def registrations(self, key_id: str) -> list[str]:
        self._check()
        return [
            row[0]
            async for row in _all(self._texts.registrations, "", lambda row: row[0])
            if key_ids_of((row[1], row[2])) - {key_id}
        ]

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        self._check()
        return await self._texts.reseal_registration(name, stored, sealed)


async def _all(
    select: Callable[[T], Awaitable[Sequence[IndexedRow]]], after: T, key: Callable[[IndexedRow], T]
) -> AsyncGenerator[IndexedRow, None]:
    while rows := await select(after):
        for row in rows:
            yield row
        if len(rows) < SLICE:
            break
        after = key(rows[-1])


def _named(rows: Iterable[IndexedRow], key_id: str) -> list[LinkKey]:
    found: list[LinkKey] = []
    for row in rows:
        if _of_link(row) - {key_id}:
            try:
                found.append(LinkKey(row[0], row[1]))
            except (TypeError, ValueError):
                _log.error("key rotation leaves out a link whose ids another program wrote")
    return found


def _of_link(row: IndexedRow) -> KeyIds:
    try:
        inner = [*_extra(row[4]), *_resource_tokens(row[5])]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        # Nobody can read the row, which nothing says the whole of.
        return key_ids_of(row[2:4]) | {""}
    return key_ids_of((*row[2:4], *inner))


def _extra(text: str) -> list[str]:
    if not text:
        return []
    return [value if isinstance(value, str) else "" for value in json.loads(text).values()]


def _resource_tokens(text: str) -> list[str]:
    if not text:
        return []
    return [token["access_token"] for token in json.loads(text).values()]
