"""Requests that a server processes only when all of them have arrived."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any


def together(count: int) -> dict[str, Any]:
    """Return options of an ``AuthorizationServer`` by which its first ``count`` token requests wait for each
    other; later ones wait for nobody."""
    arrived: list[float] = []
    complete = asyncio.Event()

    async def pause(seconds: float) -> None:
        if seconds:
            arrived.append(seconds)
            if len(arrived) == count:
                complete.set()
            await complete.wait()

    return {"answer_delay": timedelta(seconds=1), "delayed": "before", "pause": pause}
