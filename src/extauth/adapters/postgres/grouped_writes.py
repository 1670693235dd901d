"""Writes of one kind that are asked for at the same moment go to the server as one statement.

One that finds nothing of its kind under way is sent by its caller, as a statement of its own. Those that come
meanwhile are sent together, and what comes while they are under way is the next batch: nobody waits for
company. A batch waits for no lock, so that a row which another replica has locked, and a write that waits for
one, hold nobody up. One that takes long all the same is not waited for.

Each write is promised what it would be alone. The statement is one transaction; if the server undid it,
because of one of its rows perhaps, each is sent alone. If nobody can tell what came of it, all are told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final, final

import asyncpg
import attrs

from extauth.adapters.postgres.audit import written
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.failures import connection_broke
from extauth.adapters.postgres.grouped_statements import DONE, HAD, NUMBER, TYPES, as_text, together
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.rows import Parameters
from extauth.adapters.sql.audit_columns import entry_values
from extauth.domain.audit import entry_to_write
from extauth.domain.errors import StoreUnavailable
from extauth.unswept import start_protected

MOST_AT_ONCE: Final = 256
"""Writes in one statement: their rows are locked until its end."""

LONG: Final = 0.25
"""Seconds after which a batch is not waited for any longer by those who come next."""


@final
@attrs.define(eq=False, repr=False)
class _Call:
    """One caller's write."""

    values: Parameters
    answered: asyncio.Future[list[Row] | None]
    """The rows; None for one that is to be sent alone."""


@final
@attrs.define(eq=False, repr=False)
class _Batch:
    """Writes that are under way together."""

    overdue: bool = False


@final
class GroupedWrites:
    """The writes of one store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._kinds: dict[tuple[str, bool], _Kind] = {}

    async def fetch_all(self, sql: str, parameters: Parameters) -> list[Row]:
        """Run a statement that must not run twice, with the audit's entry if there is one; return its rows.

        A call that is cancelled while it waits for a batch under way is not carried out. Once it is sent it
        may be, and with others it is.

        :raises StoreUnavailable: whatever went wrong.
        """
        if sql not in TYPES:
            return await written(self._connections, sql, parameters)
        entry = entry_to_write()
        kind = self._kind(sql, audited=entry is not None)
        if kind.idle:
            kind.alone += 1
            try:
                return await written(self._connections, sql, parameters)
            finally:
                kind.alone -= 1
        values = parameters if entry is None else Parameters(*parameters, *entry_values(entry))
        rows = await kind.join(values)
        return await written(self._connections, sql, parameters) if rows is None else rows

    def _kind(self, sql: str, *, audited: bool) -> _Kind:
        kind = self._kinds.get((sql, audited))
        if kind is None:
            statement = together(sql, audited=audited)
            kind = self._kinds[sql, audited] = _Kind(self._connections, statement)
        return kind


@final
class _Kind:
    """Those with the same statement."""

    def __init__(self, connections: Connections, statement: str) -> None:
        self._connections = connections
        self._statement = statement
        self._waiting: list[_Call] = []
        self._batch: _Batch | None = None
        """The one that those who wait wait for; set while there is one."""
        self.alone = 0
        """How many are under way that found nothing else of their kind to be so."""

    @property
    def idle(self) -> bool:
        """Whether nothing of this kind is under way."""
        return not (self.alone or self._batch or self._waiting)

    async def join(self, values: Parameters) -> list[Row] | None:
        """Be sent with others; None if the write is to be sent alone, and has not been carried out."""
        call = _Call(values, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._send_next()
        try:
            return await call.answered
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiting.remove(call)
            raise

    def _send_next(self) -> None:
        if self._batch is None and self._waiting:
            self._batch = _Batch()
            Context().run(start_protected, self._send(self._batch))  # in the name of none of its callers

    async def _send(self, batch: _Batch) -> None:
        overdue = asyncio.get_running_loop().call_later(LONG, self._overdue, batch)
        calls = self._take()
        try:
            if calls:
                await self._carry_out(calls)
        finally:
            overdue.cancel()
            for call in calls:
                if not call.answered.done():
                    call.answered.set_exception(StoreUnavailable("the write was interrupted"))
            if not batch.overdue:
                self._batch = None
                # Those just answered take a step before its task does, and may call again.
                self._send_next()

    def _overdue(self, batch: _Batch) -> None:
        batch.overdue = True
        self._batch = None
        self._send_next()

    def _take(self) -> Sequence[_Call]:
        """Take those that wait, of each link the first one."""
        taken: dict[tuple[object, ...], _Call] = {}
        left: list[_Call] = []
        for call in self._waiting:
            if call.answered.done():
                continue  # its caller is gone, and about to say so
            key = call.values.first(2)
            if len(taken) < MOST_AT_ONCE and key not in taken:
                taken[key] = call
            else:
                left.append(call)
        self._waiting = left
        return [*taken.values()]

    async def _carry_out(self, calls: Sequence[_Call]) -> None:
        columns = [[*map(as_text, column)] for column in zip(*(call.values for call in calls), strict=True)]
        try:
            rows = await self._connections.write(self._statement, *columns)
        except StoreUnavailable as error:
            alone = _undone(error)
            for call in calls:
                if call.answered.done():
                    continue
                if alone:
                    call.answered.set_result(None)
                else:
                    call.answered.set_exception(_another(error))
            return
        for row in rows:
            number: int = row[NUMBER]
            call = calls[number - 1]
            if not call.answered.done():
                nothing: list[Row] | None = [] if row[HAD] else None
                call.answered.set_result(nothing if row[DONE] is None else [row])


def _undone(error: StoreUnavailable) -> bool:
    """Whether the server said that it did not carry the statement out."""
    cause = error.__cause__
    return isinstance(cause, asyncpg.PostgresError) and not connection_broke(cause)


def _another(error: StoreUnavailable) -> StoreUnavailable:
    """Return an error for one more caller."""
    another = StoreUnavailable(str(error))
    another.__cause__ = error.__cause__
    return another
