"""The connections to its file that a :class:`SqliteLinkStore` makes itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiosqlite

from extauth.adapters.sqlite.files import cannot_open
from extauth.cancellation import out_of_reach
from extauth.domain.errors import StoreUnavailable
from extauth.domain.hidden import HiddenText
from extauth.one_loop import OneLoop


@asynccontextmanager
async def connected(file: HiddenText, timeout: float) -> AsyncGenerator[aiosqlite.Connection, None]:
    """Open the file, making it if there is none, and close it again; ``timeout`` in seconds is for locks.

    :raises StoreUnavailable: if it cannot be opened.
    """
    connection = aiosqlite.connect(file, timeout=timeout, isolation_level=None)
    # Else a process that is made to end without closing the store hangs until it is killed.
    worker: Any = getattr(connection, "_thread", connection)
    worker.daemon = True
    try:
        await _opened(connection)
    except sqlite3.Error as error:
        # aiosqlite tells its thread to stop and doesn't wait: it would answer to a loop closed meanwhile.
        await asyncio.to_thread(worker.join)
        raise StoreUnavailable(cannot_open(file)) from error
    home = OneLoop("connection")
    home.check()
    try:
        yield connection
    finally:
        if not home.inherited:  # in a forked process there is no thread that would close it
            with out_of_reach():  # else its thread would answer to a loop that is closed meanwhile
                await connection.close()


async def _opened(connection: aiosqlite.Connection) -> None:
    """Open it, or leave nothing open: cancelled meanwhile aiosqlite drops what its thread opens."""

    async def opened() -> None:
        await connection

    opening = asyncio.ensure_future(opened())
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        with out_of_reach(), suppress(sqlite3.Error):
            await opening
            await connection.close()
        raise
