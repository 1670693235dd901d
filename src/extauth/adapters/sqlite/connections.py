"""The connections to its file that a :class:`SqliteLinkStore` makes itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from extauth.domain.errors import StoreUnavailable


@asynccontextmanager
async def connected(path: str | Path, timeout: float) -> AsyncGenerator[aiosqlite.Connection, None]:
    """Open the file, making it if there is none, and close it again; ``timeout`` in seconds is for locks.

    :raises StoreUnavailable: if it cannot be opened.
    """
    connection = aiosqlite.connect(path, timeout=timeout, isolation_level=None)
    # Else a process that is made to end without closing the store hangs until it is killed.
    worker: Any = getattr(connection, "_thread", connection)
    worker.daemon = True
    try:
        await connection
    except sqlite3.Error as error:
        # aiosqlite tells its thread to stop and doesn't wait: it would answer to a loop closed meanwhile.
        await asyncio.to_thread(worker.join)
        msg = f"cannot open the SQLite file {path}; its folder must exist and be writable"
        raise StoreUnavailable(msg) from error
    try:
        yield connection
    finally:
        await connection.close()
