"""Links that a query finds, where one row may be unreadable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.adapters.sql.link_columns import PROVIDER_ID, USER_ID, RowKey
from extauth.adapters.sql.readable import LinkOrError, UndecodableRows
from extauth.domain.errors import LinkUnreadable
from extauth.domain.link import Link

R = TypeVar("R", bound=IndexedRow)


async def listed(
    run: Callable[[str], Awaitable[Sequence[R]]],
    sql: str,
    links: Callable[[Iterable[R]], dict[RowKey, LinkOrError]],
    get_many: Callable[[Iterable[RowKey]], Awaitable[Mapping[RowKey, LinkOrError]]],
) -> list[LinkOrError]:
    """Return the links that a statement of ``link_columns`` finds, with errors in the place of some.

    They are in the order of their keys. Where the driver gives no row because of one, the keys are listed and
    read by themselves.
    """
    try:
        found: Mapping[RowKey, LinkOrError] = links(await run(sql))
    except UndecodableRows:
        rows = await run(f"SELECT provider_id, user_id FROM ({sql}) AS listed")  # noqa: S608 - ours
        found = await get_many([(row[PROVIDER_ID], row[USER_ID]) for row in rows])
    return [found[key] for key in sorted(found)]


def whole(links: Iterable[LinkOrError]) -> list[Link]:
    """Return the links.

    :raises LinkUnreadable: if there is an error among them: a part of the list would be a lie.
    """
    found: list[Link] = []
    for link in links:
        if isinstance(link, LinkUnreadable):
            raise link
        found.append(link)
    return found
