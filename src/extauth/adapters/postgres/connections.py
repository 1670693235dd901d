"""Single statements on a pool: which connection, what is repeated, and what a failure becomes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar, final

import asyncpg

from extauth.adapters.postgres.failures import (
    DRIVER_ERRORS,
    DriverError,
    certainly_undone,
    connection_broke,
    explained,
    presentable,
)
from extauth.adapters.postgres.pools import IDLE_LIMIT, Connection, Pool, give_back
from extauth.adapters.postgres.rows import Parameters
from extauth.adapters.postgres.sending import Rows, Sending
from extauth.adapters.sql.readable import UndecodableRows
from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import StoreUnavailable

T = TypeVar("T")

MOST_CONFLICTS = 20
"""How often a transaction that the server rolled back because of another one is repeated."""
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1
"""Seconds, at most, before the first and the last of these."""


@final
class Connections:
    """Runs statements of which each is a transaction of its own.

    With ``keep`` the pool belongs to the store: one of its connections is kept for the reads by key,
    which come one at a time, and acquired when first needed. Otherwise no connection is held between
    calls. Nothing but names of prepared statements outlives a statement in a session.
    """

    def __init__(self, pool: Pool, sending: Sending, *, keep: bool) -> None:
        self._pool = pool
        self._sending = sending
        self._keep = keep
        self._kept: Connection | None = None
        """Set and used by the one read by key that is under way."""
        self._used_at = 0.0
        """When the kept connection last answered, by the loop's clock."""
        self._closed = False

    async def write(self, sql: str, *arguments: object) -> Rows:
        """Run a statement that must not run twice: of a lost connection the outcome is unknown.

        :raises StoreUnavailable: whatever went wrong.
        """
        arguments = Parameters(*arguments)
        return await run(lambda: self._on_any(sql, arguments))

    async def read(self, sql: str, *arguments: object) -> Rows:
        """Run a statement that changes nothing, once more if the connection was lost.

        For that the pool replaces all its connections: after a restart or a failover none of them is any
        good, though they may not know it yet.

        :raises StoreUnavailable: whatever went wrong.
        """
        return await run(lambda: self._on_any(sql, arguments), afresh=self._pool.expire_connections)

    async def read_by_key(self, sql: str, *arguments: object) -> Rows:
        """Do the same; only one such call may be under way.

        :raises StoreUnavailable: whatever went wrong.
        """
        if not self._keep:
            return await self.read(sql, *arguments)
        return await run(lambda: self._on_kept(sql, arguments), afresh=self._pool.expire_connections)

    async def close(self) -> None:
        """Give the kept connection back. Reads by key fail from now on."""
        self._closed = self._keep
        await self._give_back_kept()

    async def _on_any(self, sql: str, arguments: tuple[object, ...]) -> Rows:
        connection = await self._pool.acquire()
        try:
            return await self._sending.fetch(connection, sql, arguments)
        finally:
            await give_back(self._pool, connection)

    async def _on_kept(self, sql: str, arguments: tuple[object, ...]) -> Rows:
        connection = await self._keep_one()
        answered = False
        try:
            rows = await self._sending.fetch(connection, sql, arguments)
            answered = True
        finally:
            # What state it is in now is for the pool to find out and to mend.
            if not answered:
                await self._give_back_kept()
        self._used_at = asyncio.get_running_loop().time()
        return rows

    async def _keep_one(self) -> Connection:
        if self._kept is not None:
            if _usable(self._kept):
                if asyncio.get_running_loop().time() <= self._used_at + IDLE_LIMIT:
                    return self._kept
                self._kept.terminate()
            await self._give_back_kept()
        connection = await self._pool.acquire()
        if self._closed:
            await give_back(self._pool, connection)
            msg = "the store is closed"
            raise StoreUnavailable(msg)
        self._kept = connection
        return connection

    async def _give_back_kept(self) -> None:
        connection, self._kept = self._kept, None
        if connection is not None:
            await give_back(self._pool, connection)


def _usable(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False  # it was lost, and the pool has it back


async def run(call: Callable[[], Awaitable[T]], *, afresh: Callable[[], Awaitable[None]] | None = None) -> T:
    """Await ``call()``; again where that is safe: after the server has rolled it back because of
    another transaction, and with ``afresh`` once after the connection was lost.

    :raises StoreUnavailable: whatever else went wrong.
    """
    conflicts = 0
    while True:
        failure: DriverError | asyncio.CancelledError | UndecodableRows
        try:
            return await call()
        except asyncio.CancelledError as error:
            if cancelled_by_caller():
                # The driver's frames may hold the address or a row, and a time-out has this as its cause.
                raise error.with_traceback(None)  # noqa: B904 - it is the same
            failure = error
        except DRIVER_ERRORS as error:
            failure = error
        except (ArithmeticError, ValueError):  # of asyncpg's decoders, such as a date beyond the year 9999
            failure = UndecodableRows()
        # Out of the handlers, so that the driver's error is not the context of ours: it is not shown.
        if isinstance(failure, asyncio.CancelledError):
            msg = "the call was interrupted inside the Postgres driver"
            raise StoreUnavailable(msg) from failure
        if isinstance(failure, UndecodableRows):
            raise failure
        if certainly_undone(failure) and conflicts < MOST_CONFLICTS:
            conflicts += 1
            await asyncio.sleep(min(FIRST_PAUSE * 2**conflicts, LONGEST_PAUSE) * random.random())  # noqa: S311
        elif afresh is not None and connection_broke(failure):
            await afresh()
            afresh = None
        else:
            explanation, failure = explained(failure), presentable(failure)
            raise StoreUnavailable(explanation) from failure
