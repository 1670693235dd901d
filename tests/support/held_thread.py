"""Holding up the thread of a SQLite store, so that calls wait for each other as a test wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

PATIENCE = 30.0
HOLDING = "holding up the thread"
"""The name of the task that does so."""


@asynccontextmanager
async def held(store: Any) -> AsyncGenerator[threading.Event, None]:
    """Let nothing be written until this is left, or the gate is opened."""
    gate = threading.Event()
    holding = asyncio.ensure_future(store._connection._execute(gate.wait, PATIENCE))
    holding.set_name(HOLDING)
    await asyncio.sleep(0)
    try:
        yield gate
    finally:
        gate.set()
        assert await holding


async def waiting(store: Any, count: int) -> None:
    """Wait until that many writes wait."""
    async with asyncio.timeout(PATIENCE):
        while len(store._writes._waiting) != count:
            await asyncio.sleep(0)


async def at_once(store: Any, *calls: Awaitable[Any]) -> list[Any]:
    """Return what came of writes that share a batch, errors included, in order."""
    async with held(store):
        tasks = [asyncio.ensure_future(call) for call in calls]
        await waiting(store, len(tasks))
    return await asyncio.gather(*tasks, return_exceptions=True)
