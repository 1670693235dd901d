"""Having a Postgres store send writes together, and seeing what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any
from unittest.mock import patch

from extauth.adapters.postgres import grouped_writes


async def together(*calls: Awaitable[Any]) -> Sequence[asyncio.Future[Any]]:
    """Begin writes as if one of their kind were under way, so that they are sent together."""
    with patch.object(grouped_writes._Kind, "idle", new=False):
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)  # each takes the step in which it joins the others
    return tasks


async def at_once(*calls: Awaitable[Any]) -> list[Any]:
    """Return what came of writes that share their kind's statement, errors included, in order."""
    return await asyncio.gather(*await together(*calls), return_exceptions=True)


def sent(store: Any) -> list[str]:
    """How many writes are sent with each statement from now on: ``one`` or ``many``."""
    told: list[str] = []
    write = store._connections.write

    async def telling(sql: str, *arguments: Any) -> Any:
        told.append("many" if sql.startswith("WITH asked") else "one")
        return await write(sql, *arguments)

    store._connections.write = telling
    return told
