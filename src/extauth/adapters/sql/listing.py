"""Links that a query finds, where one row may be unreadable."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from extauth.adapters.sql.link_columns import PROVIDER_ID, USER_ID, RowKey
from extauth.adapters.sql.readable import LinkOrError, UndecodableRows
from extauth.adapters.sql.row_cache import IndexedRow
from extauth.domain.errors import LinkUnreadable
from extauth.domain.link import Link

_log: Final = logging.getLogger("extauth")

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


async def readable_of(
    page: Callable[[str | None, int], Awaitable[list[LinkOrError]]], after: str | None, limit: int
) -> list[Link]:
    """Return up to ``limit`` links that can be read, of as many pages as it takes.

    Upkeep of all must not end at one that cannot: it is named in the log instead.
    """
    found: list[Link] = []
    while (wanted := limit - len(found)) > 0:
        part = await page(after, wanted)
        for link in part:
            if isinstance(link, LinkUnreadable):
                _log.error("upkeep leaves out a link: %s", link)
            else:
                found.append(link)
        if len(part) < wanted:
            break
        after = part[-1].key.user_id
    return found
