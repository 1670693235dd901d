"""Writes that are asked for at the same moment share one transaction, and so one sync of the disk.

One batch of them is on its way at a time. When the connection's thread begins with it, it takes all writes
that wait by then, in the order in which they came; those that come later are the next batch. Nobody waits for
company: a write that is alone is one statement in autocommit mode, which its caller sends itself.

What each call is promised stays its own; see :mod:`extauth.adapters.sqlite.transactions`. Time is read by
each statement. Nobody is answered before the commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import final

from extauth.adapters.sqlite.identity import REPLACED
from extauth.adapters.sqlite.row import Row
from extauth.adapters.sqlite.transactions import Beside, Write, carried_out
from extauth.adapters.sqlite.unseen import Outcome, Parameters, Unseen, or_unavailable
from extauth.domain.errors import StoreUnavailable
from extauth.unswept import start_protected

MOST_AT_ONCE = 256
"""Writes in one transaction: other processes wait for its end."""


@final
class _Call:
    """One caller's write."""

    __slots__ = ("answered", "outcome", "write")

    def __init__(self, write: Write, answered: asyncio.Future[None] | None) -> None:
        self.write = write
        self.answered = answered
        """What the caller waits for; None for one that sends the batch itself."""
        self.outcome: Outcome | None = None

    def result(self) -> list[Row]:
        """Return the rows, or raise what came instead."""
        outcome = self.outcome
        if outcome is None:
            msg = "the write was interrupted"
            raise StoreUnavailable(msg)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@final
class _Batch:
    """Whatever waits when the thread of the connection comes to it."""

    __slots__ = ("_database", "_group", "calls")

    def __init__(self, group: GroupedWrites, database: sqlite3.Connection) -> None:
        self._group = group
        self._database = database
        self.calls: Sequence[_Call] = ()
        """Those that were taken."""

    def fetchall(self) -> Outcome:
        """Carry it out; in the thread of the connection."""
        self.calls = self._group.take()
        self._group.carry_out(self._database, self.calls)
        return []


@final
class _Nothing:
    """Done when the thread is through with all that was sent to it before."""

    def fetchall(self) -> Outcome:
        return []


@final
class GroupedWrites:
    """The writes of one connection."""

    def __init__(self, connection: Unseen) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        """Added by callers, taken by the thread of the connection; under the lock."""
        self._busy = False
        """Whether a batch is on its way. Set and cleared on the event loop."""

    def begin_anew(self) -> None:
        """Forget those who called on a loop that is closed."""
        with self._lock:
            self._waiting.clear()
        self._busy = False

    def fetch_all(
        self, sql: str, parameters: Parameters, *, beside: Beside | None = None
    ) -> Awaitable[list[Row]]:
        """Run a statement and return its rows; with ``beside`` in one transaction with that.

        A call that is cancelled before the thread of the connection has begun with it is not carried out;
        later it is.

        :raises LinkUnreadable: if the driver cannot read the row, and the parameters name it.
        :raises StoreUnavailable: whatever else went wrong.
        """
        return or_unavailable(self._rows_of(Write(sql, parameters, beside)), parameters)

    async def _rows_of(self, write: Write) -> list[Row]:
        database = self._connection.known_database or await self._connection.database()
        answered = asyncio.get_running_loop().create_future() if self._busy else None
        call = _Call(write, answered)
        with self._lock:
            self._waiting.append(call)
        try:
            if call.answered is not None:
                await call.answered
            else:
                await self._send(_Batch(self, database))
        except asyncio.CancelledError:
            self._withdraw(call)
            raise
        return call.result()

    async def _send(self, batch: _Batch) -> None:
        """Have the thread carry out what waits. Who is cancelled meanwhile takes nobody along."""
        self._busy = True
        try:
            await self._connection.outcome_of(batch)
        except asyncio.CancelledError:
            start_protected(self._ended_later(batch))
            raise
        except ValueError as error:  # aiosqlite says "closed" so: the thread will not come to it
            batch.calls = self.take()
            for call in batch.calls:
                call.outcome = ValueError(*error.args)
        except GeneratorExit:  # the loop is closed
            raise
        except BaseException:
            self._ended(batch)
            raise
        self._ended(batch)

    async def _ended_later(self, batch: _Batch) -> None:
        with suppress(ValueError):  # closed, which the thread was only after the batch
            await self._connection.outcome_of(_Nothing())
        self._ended(batch)

    def _withdraw(self, call: _Call) -> None:
        with self._lock, suppress(ValueError):  # the thread may have it
            self._waiting.remove(call)

    def take(self) -> Sequence[_Call]:
        """Take those that wait."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        # Of others the caller is gone, and about to say so.
        return [call for call in taken if call.answered is None or not call.answered.done()]

    def carry_out(self, database: sqlite3.Connection, calls: Sequence[_Call]) -> None:
        """Write down what came of each; in the thread."""
        if self._connection.replaced():
            outcomes: Sequence[Outcome] = [StoreUnavailable(REPLACED) for _ in calls]
        else:
            outcomes = carried_out(database, [call.write for call in calls])
        for call, outcome in zip(calls, outcomes, strict=True):
            call.outcome = outcome

    def _ended(self, batch: _Batch) -> None:
        """Answer those who wait for it, and send what has come meanwhile.

        Not before the thread has told the loop that it is done: who is answered may end the loop, and the
        thread of aiosqlite dies of it where it cannot tell.
        """
        for call in batch.calls:
            if call.answered is not None and not call.answered.done():
                call.answered.set_result(None)
        # Those just answered take a step before the task does, and may call again.
        self._busy = bool(self._waiting)
        if self._busy:
            start_protected(self._send(batch))
