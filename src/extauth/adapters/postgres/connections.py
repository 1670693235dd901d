"""Single statements on a pool: which connection, what is repeated, and what a failure becomes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar, final

import asyncpg

from extauth.adapters.postgres.failures import (
    DRIVER_ERRORS,
    DriverError,
    certainly_undone,
    connection_broke,
    explained,
    presentable,
    takes_no_writes,
)
from extauth.adapters.postgres.pools import IDLE_LIMIT, Connection, Pool, give_back
from extauth.adapters.postgres.rows import Parameters
from extauth.adapters.postgres.sending import Rows, Sending
from extauth.adapters.postgres.unique_names import in_use_until, is_aged, is_over
from extauth.adapters.sql.readable import UndecodableRows
from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import StoreUnavailable

T = TypeVar("T")

MOST_CONFLICTS = 20
"""How often a transaction that the server rolled back because of another one is repeated."""
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1
"""Seconds, at most, before the first and the last of these."""

EXHAUSTED = (
    "all connections of the pool are in use, and none was given back in time: the server may have fallen"
    " silent, or the application's transactions need them all; give the pool more, or extauth one of its own"
    " (open_store)"
)

SETTLING = 0.1
"""Seconds in which connections to servers that take no writes are not replaced again."""


@final
class Connections:
    """Runs statements of which each is a transaction of its own.

    With ``keep`` the pool belongs to the store: one of its connections is kept for the reads by key,
    which come one at a time, and acquired when first needed. Otherwise no connection is held between
    calls. Nothing but names of prepared statements outlives a statement in a session.
    """

    def __init__(self, pool: Pool, sending: Sending, *, keep: bool, patience: float) -> None:
        self._pool = pool
        self._sending = sending
        self._keep = keep
        self._kept: Connection | None = None
        """Set and used by the one read by key that is under way."""
        self._used_at = 0.0
        """When the kept connection last answered, on the monotonic clock."""
        self._kept_until = 0.0
        """When it has been in use for long enough, on the same clock."""
        self._kept_expired = False
        """Whether it is to be replaced, as those of the pool are."""
        self._expired_at = -SETTLING
        self._closed = False
        self.patience = patience
        """Seconds for which a call waits for a connection."""

    async def write(self, sql: str, *arguments: object) -> Rows:
        """Run a statement that must not run twice: of a lost connection the outcome is unknown.

        What a server refused because it takes no writes is sent once more, on a new connection.

        :raises StoreUnavailable: whatever went wrong.
        """
        given = Parameters(*arguments)
        del arguments  # tools that report errors show the local variables of each frame
        return await run(lambda: self._on_any(sql, given), afresh=partial(self._afresh, once=True))

    async def read(self, sql: str, *arguments: object) -> Rows:
        """Run a statement that changes nothing, once more if the connection was lost.

        For that the pool replaces all its connections: after a restart or a failover none of them is any
        good, though they may not know it yet.

        :raises StoreUnavailable: whatever went wrong.
        """
        return await run(lambda: self._on_any(sql, arguments), afresh=self._afresh)

    def read_by_key(self, sql: str, *arguments: object) -> Awaitable[Rows]:
        """Do the same; only one such call may be under way.

        :raises StoreUnavailable: whatever went wrong.
        """
        if not self._keep:
            return self.read(sql, *arguments)
        return run(lambda: self._on_kept(sql, arguments), afresh=self._afresh)

    async def close(self) -> None:
        """Give the kept connection back. Reads by key fail from now on."""
        self._closed = self._keep
        await self._give_back_kept()

    async def _on_any(self, sql: str, arguments: Iterable[object]) -> Rows:
        connection = await self._acquire()
        try:
            return await self._sending.fetch(connection, sql, arguments)
        finally:
            await self._give_back(connection)

    async def _on_kept(self, sql: str, arguments: Iterable[object]) -> Rows:
        connection = self._kept_one() or await self._keep_one()
        answered = False
        try:
            rows = await self._sending.fetch(connection, sql, arguments)
            answered = True
        finally:
            # What state it is in now is for the pool to find out and to mend.
            if not answered:
                await self._give_back_kept()
        self._used_at = time.monotonic()
        return rows

    def _kept_one(self) -> Connection | None:
        """Return the kept connection, if it can be used as it is."""
        kept = self._kept
        if kept is None or self._kept_expired or not _usable(kept):
            return None
        quiet = time.monotonic() - self._used_at
        return None if quiet > IDLE_LIMIT or is_over(self._kept_until) else kept

    async def _keep_one(self) -> Connection:
        if self._kept is not None:
            if _usable(self._kept):
                self._kept.terminate()
            await self._give_back_kept()
        self._kept_expired = False
        connection = await self._acquire()
        if self._closed:
            await self._give_back(connection)
            msg = "the store is closed"
            raise StoreUnavailable(msg)
        self._kept, self._kept_until = connection, in_use_until(connection)
        return connection

    async def _give_back_kept(self) -> None:
        connection, self._kept = self._kept, None
        if connection is not None:
            await self._give_back(connection)

    async def _acquire(self) -> Connection:
        try:
            async with asyncio.timeout(self.patience):
                while is_aged(connection := await self._pool.acquire()):
                    connection.terminate()
                    await give_back(self._pool, connection)
                return connection
        except TimeoutError as error:
            if self._pool.get_idle_size() or self._pool.get_size() < self._pool.get_max_size():
                raise  # a server does not answer
            late = error
        raise StoreUnavailable(EXHAUSTED) from late.with_traceback(None)

    async def _give_back(self, connection: Connection) -> None:
        if not await give_back(self._pool, connection):
            await self._expire()  # it does not answer, and so may the others not, which have not been asked

    async def _afresh(self, failure: DriverError, *, once: bool = False) -> bool:
        """Let the pool look for its server again, if the failure may be the connection's. Return whether the
        statement may be repeated: with ``once`` not if it may have been carried out.

        For one that takes writes is looked now and then only: before there is one, none can be found.
        """
        refused = takes_no_writes(failure)
        if not (refused or connection_broke(failure)):
            return False
        if not refused or asyncio.get_running_loop().time() >= self._expired_at + SETTLING:
            await self._expire()
        return refused or not once

    async def _expire(self) -> None:
        self._expired_at = asyncio.get_running_loop().time()
        self._kept_expired = True
        await self._pool.expire_connections()


def _usable(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False  # it was lost, and the pool has it back


async def run(
    call: Callable[[], Awaitable[T]],
    *,
    afresh: Callable[[DriverError], Awaitable[bool]] | None = None,
) -> T:
    """Await ``call()``; again where that is safe: after the server has rolled it back because of
    another transaction, and once if ``afresh`` has found that other connections are wanted, and that it may.

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
        elif afresh is not None and await afresh(failure):
            afresh = None
        else:
            explanation, failure = explained(failure), presentable(failure)
            raise StoreUnavailable(explanation) from failure
