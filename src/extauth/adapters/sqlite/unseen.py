"""Running statements on a connection of aiosqlite's so that no log shows what they are about.

At DEBUG aiosqlite logs each call with its arguments and each error with its text, and asyncio in debug mode
shows the results of futures. So aiosqlite is given an object of ours to call, which shows nothing of itself
and returns an error instead of raising it; and rows and parameters hide their values wherever they turn up.
The connection stays as the application has set it up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast, final

import aiosqlite

from extauth.adapters.sql.readable import unreadable_link
from extauth.adapters.sqlite.identity import REPLACED, OpenFiles
from extauth.domain.errors import StoreUnavailable

Error: TypeAlias = sqlite3.Error | ValueError

Beside: TypeAlias = Callable[[sqlite3.Cursor, "list[Row]"], None]
"""Writes something of the rows that a statement returned, in one transaction with it."""

WITHHELD = "(text withheld: it may quote a row)"


@final
class Parameters(dict[str, object]):
    """Parameters of a statement, by name. Its ``repr`` shows none."""

    def __repr__(self) -> str:
        return f"Parameters({', '.join(self)})"


@final
class Row(tuple[Any, ...]):
    """A row of a result. Its ``repr`` shows no value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Row of {len(self)} columns>"


@final
class Unseen:
    """Runs statements on one connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._database: sqlite3.Connection | None = None
        """Beneath the connection, and for its thread alone. Set at the first statement."""
        self._files: OpenFiles | None = None
        """Set by :meth:`watch`."""

    async def file(self) -> str:
        """Return the path of the database; empty, if it is in memory."""
        rows = await self.execute("PRAGMA database_list")
        return next((str(row[2] or "") for row in rows if row[1] == "main"), "")

    def watch(self, files: OpenFiles | None) -> None:
        """From now on run nothing once one of these files is another, or gone."""
        self._files = files

    async def fetch_all(
        self, sql: str, parameters: Parameters | Sequence[object], *, beside: Beside | None = None
    ) -> list[Row]:
        """Run a statement and return its rows; with ``beside`` in one transaction with that, which is begun,
        carried out and committed in one go of the connection's thread.

        :raises LinkUnreadable: if the driver cannot read the row, and the parameters name it.
        :raises StoreUnavailable: whatever else went wrong.
        """
        try:
            return await self.execute(sql, parameters, beside)
        except (sqlite3.Error, ValueError) as error:  # aiosqlite says "closed" with a ValueError
            failure = error
        if type(failure) is sqlite3.OperationalError and not hasattr(failure, "sqlite_errorcode"):
            # Not SQLite's own, but the driver's: a text that is not UTF-8.
            asked = parameters if isinstance(parameters, Parameters) else Parameters()
            raise unreadable_link(asked.get("provider_id"), asked.get("user_id"))
        raise StoreUnavailable(_explained(failure)) from failure

    async def rollback(self) -> None:
        """End the transaction, if there is one."""
        await self._connection.rollback()

    async def execute(
        self, sql: str, parameters: Parameters | Sequence[object] = (), beside: Beside | None = None
    ) -> list[Row]:
        """Do the same, and raise :func:`presentable` errors of the driver."""
        if self._database is None:
            async with self._connection.cursor() as cursor:
                self._database = cursor.connection
        statement = cast("sqlite3.Cursor", _Statement(self._database, sql, parameters, self._files, beside))
        found = cast(
            "list[Row] | Error | StoreUnavailable",
            await aiosqlite.Cursor(self._connection, statement).fetchall(),
        )
        if isinstance(found, Exception):
            raise found
        return found


@final
class _Statement:
    """What aiosqlite takes for a cursor that has been executed, and asks for its rows."""

    __slots__ = ("_beside", "_database", "_files", "_parameters", "_sql")

    def __init__(
        self,
        database: sqlite3.Connection,
        sql: str,
        parameters: Parameters | Sequence[object],
        files: OpenFiles | None,
        beside: Beside | None,
    ) -> None:
        self._database = database
        self._sql = sql
        self._parameters = parameters
        self._files = files
        self._beside = beside

    def fetchall(self) -> list[Row] | Error | StoreUnavailable:
        """Execute it; in the thread of the connection."""
        if self._files is not None and self._files.replaced():
            return StoreUnavailable(REPLACED)
        try:
            cursor = self._database.cursor()
            cursor.row_factory = None  # the connection's may be anything
            if self._beside is not None:
                return self._with(self._beside, cursor)
            return [*map(Row, cursor.execute(self._sql, self._parameters))]
        except (sqlite3.Error, ValueError) as error:
            return presentable(error)

    def _with(self, beside: Beside, cursor: sqlite3.Cursor) -> list[Row]:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            rows = [*map(Row, cursor.execute(self._sql, self._parameters))]
            beside(cursor, rows)
            cursor.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        return rows


def _explained(error: Error) -> str:
    if (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_READONLY:
        return (
            "the SQLite file, or one of those with -wal and -shm after its name, may not be written; look at"
            " their owners and modes, and open the store again, which says more"
        )
    return "the SQLite store failed"


def presentable(error: Error) -> Error:
    """Return an error to be the cause of ours: the same, or one of its type without a row's contents.

    sqlite3 quotes what it cannot decode, and a trigger of the application's may say anything.
    """
    if isinstance(error, sqlite3.ProgrammingError) or _says_nothing_of_rows(error):
        return error.with_traceback(None)
    shown = (type(error) if isinstance(error, sqlite3.Error) else ValueError)(WITHHELD)
    vars(shown).update(vars(error))  # SQLite's own code and its name
    return shown


def _says_nothing_of_rows(error: Error) -> bool:
    # Errors of sqlite3 itself, such as of decoding, have no code.
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code != sqlite3.SQLITE_CONSTRAINT_TRIGGER
