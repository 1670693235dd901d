"""Making links of rows read by key, most of which are what they were at the last reading.

Every reading still asks the database. A row equal to the last one of its key, in every column, gives the link
that was made of it then; anything else is decoded. So nothing here can be out of date.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, final, overload

from extauth.adapters.sql.link_columns import (
    OAUTH_EXTRA,
    OAUTH_RESOURCE_TOKENS,
    OF_A_LINK,
    PENDING_SINCE,
    PROVIDER_ID,
    USER_ID,
    RowKey,
)
from extauth.adapters.sql.readable import LinkOrError
from extauth.domain.errors import LinkUnreadable
from extauth.domain.link import Link

import os

NOC = bool(os.environ.get("NOC"))
MOST_REMEMBERED = 2048
"""Links for which the last row is kept, which takes some 5 MB."""


class IndexedRow(Protocol):
    """What a row of either driver is."""

    @overload
    def __getitem__(self, index: int, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice, /) -> Any:
        """Return the value in that column, or those in some."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Give the values in the order of the columns."""
        ...


R = TypeVar("R", bound=IndexedRow)


@final
class Decoder(Generic[R]):
    """Calls ``decode`` where it must. Only for rows of ``link_columns``."""

    def __init__(self, decode: Callable[[R], Link]) -> None:
        self._decode = decode
        self._latest: OrderedDict[RowKey, tuple[tuple[Any, ...], Link]] = OrderedDict()
        """By key; the oldest is dropped when there are too many."""

    def links(self, rows: Iterable[R]) -> dict[RowKey, LinkOrError]:
        """Return the links that ``decode`` would return for the rows, or its errors, by their keys."""
        links: dict[RowKey, LinkOrError] = {}
        for row in rows:
            key = row[PROVIDER_ID], row[USER_ID]
            latest = self._latest.get(key)
            # As tuples: asyncpg compares rows of a class of one's own eight times as slowly as this.
            try:
                links[key] = (
                    latest[1]
                    if latest is not None and latest[0] == row[:]
                    else (self._decode if NOC else self.link)(row)
                )
            except LinkUnreadable as error:
                links[key] = error.with_traceback(None)
        return links

    def link(self, row: R) -> Link:
        """Return what ``decode`` does, of a row that a write has returned too, and remember it.

        :raises LinkUnreadable: as ``decode`` does.
        """
        link = self._decode(row)
        # A reader could change a dict. The time left of a lease is another at each reading.
        if not row[OAUTH_EXTRA] and not row[OAUTH_RESOURCE_TOKENS] and row[PENDING_SINCE] is None:
            self._latest[row[PROVIDER_ID], row[USER_ID]] = row[:OF_A_LINK], link
            if len(self._latest) > MOST_REMEMBERED:
                self._latest.popitem(last=False)
        return link
