"""Making something of rows that may hold what nobody of ours can have written.

Another program wrote an empty token, text that is no JSON or no Unicode, or a date that Python does not
have: such a row fails whoever reads it, by name, and nobody else, though rows are read together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.adapters.sql.link_columns import PROVIDER_ID, USER_ID, RowKey
from extauth.domain.errors import LinkUnreadable, StoreUnavailable
from extauth.domain.link import Link, LinkKey

R = TypeVar("R")
T = TypeVar("T")
K = TypeVar("K", bound=IndexedRow)

LinkOrError: TypeAlias = Link | LinkUnreadable

_WHAT_TO_DO = "restore it, or delete it and let the user connect again"


class UndecodableRows(StoreUnavailable):
    """The driver cannot read one of the rows of a result, and so gave none of them."""

    def __init__(self) -> None:
        super().__init__(f"a row of extauth's tables cannot be read; {_WHAT_TO_DO}")


def readable(make: Callable[[R], T], row: R, error: Callable[[], StoreUnavailable] = UndecodableRows) -> T:
    """Return what ``make`` makes of the row.

    :raises StoreUnavailable: if it cannot, the one that ``error`` returns: the row is damaged, or was
        changed by another program.
    """
    try:
        return make(row)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        unreadable = error()
    # Out of the handler, so that the other error is not the context of ours: it may quote the row.
    raise unreadable


def unreadable_link(provider_id: object, user_id: object) -> StoreUnavailable:
    """Return the error for a row whose key columns hold these."""
    if not isinstance(provider_id, str) or not isinstance(user_id, str):
        return UndecodableRows()
    try:
        key = LinkKey(provider_id, user_id)
    except ValueError:
        return UndecodableRows()
    msg = f"the stored link of {user_id!r} to {provider_id} cannot be read; {_WHAT_TO_DO}"
    return LinkUnreadable(msg, key=key)


def links_by_key(link_from_row: Callable[[K], Link], rows: Iterable[K]) -> dict[RowKey, LinkOrError]:
    """Return the links of rows of ``link_columns``, and an error in the place of each that cannot be read."""
    links: dict[RowKey, LinkOrError] = {}
    for row in rows:
        key = row[PROVIDER_ID], row[USER_ID]
        try:
            links[key] = link_from_row(row)
        except LinkUnreadable as error:
            links[key] = error.with_traceback(None)
    return links


async def read_apart(
    rows_of: Callable[[Sequence[RowKey]], Awaitable[Iterable[R]]],
    links: Callable[[Iterable[R]], dict[RowKey, LinkOrError]],
    keys: Sequence[RowKey],
) -> dict[RowKey, LinkOrError]:
    """Read links by key, with an error in the place of each that cannot be read.

    Where the driver gives no row because of one, the keys are halved until that one is found.
    """
    try:
        return links(await rows_of(keys))
    except UndecodableRows:
        if len(keys) == 1:
            error = unreadable_link(*keys[0])
            return {keys[0]: error} if isinstance(error, LinkUnreadable) else {}
    half = len(keys) // 2
    return {
        **await read_apart(rows_of, links, keys[:half]),
        **await read_apart(rows_of, links, keys[half:]),
    }
