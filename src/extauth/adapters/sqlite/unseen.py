"""Running statements on a connection of aiosqlite's so that no log shows what they are about.

At DEBUG aiosqlite logs each call with its arguments and each error with its text, and asyncio in debug mode
shows the results of futures. So aiosqlite is given an object of ours to call, which shows nothing of itself
and returns an error instead of raising it; and rows and parameters hide their values wherever they turn up.
The connection stays as the application has set it up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias, cast, final

import aiosqlite

from extauth.adapters.sql.readable import unreadable_link
from extauth.adapters.sqlite.failures import Error, explained
from extauth.adapters.sqlite.identity import REPLACED, OpenFiles
from extauth.adapters.sqlite.row import Row
from extauth.domain.errors import StoreUnavailable

Outcome: TypeAlias = "list[Row] | Exception"

WITHHELD = "(text withheld: it may quote a row)"


@final
class Parameters:
    """Parameters of a statement, by name. Its ``repr`` shows none, and it is no mapping: tools that report
    errors look into those, whatever their ``repr``."""

    __slots__ = ("given",)

    def __init__(self, given: Mapping[str, object] | None = None, **more: object) -> None:
        self.given: Final[Mapping[str, object]] = {**(given or {}), **more}

    def __repr__(self) -> str:
        return f"Parameters({', '.join(self.given)})"


@final
class Unseen:
    """Runs statements on one connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self.known_database: sqlite3.Connection | None = None
        """Set at the first statement, by :meth:`database`."""
        self._files: OpenFiles | None = None
        """Set by :meth:`watch`."""

    async def file(self) -> str:
        """Return the path of the database; empty, if it is in memory."""
        rows = await self.execute("PRAGMA database_list")
        return next((str(row[2] or "") for row in rows if row[1] == "main"), "")

    def watch(self, files: OpenFiles | None) -> None:
        """From now on run nothing once one of these files is another, or gone."""
        self._files = files

    def replaced(self) -> bool:
        """Whether that is so by now; for the thread of the connection."""
        return self._files is not None and self._files.replaced()

    async def fetch_all(self, sql: str, parameters: Parameters | Sequence[object]) -> list[Row]:
        """Run a statement and return its rows.

        :raises LinkUnreadable: if the driver cannot read the row, and the parameters name it.
        :raises StoreUnavailable: whatever else went wrong.
        """
        return await or_unavailable(self.execute(sql, parameters), parameters)

    async def rollback(self) -> None:
        """End the transaction, if there is one."""
        await self._connection.rollback()

    async def execute(self, sql: str, parameters: Parameters | Sequence[object] = ()) -> list[Row]:
        """Do the same, and raise :func:`presentable` errors of the driver."""
        database = self.known_database or await self.database()
        return await self.outcome_of(_Statement(database, sql, parameters, self))

    async def database(self) -> sqlite3.Connection:
        """Return what is beneath the connection, for its thread alone."""
        if self.known_database is None:
            async with self._connection.cursor() as cursor:
                self.known_database = cursor.connection
        return self.known_database

    async def outcome_of(self, statement: Executable) -> list[Row]:
        """Have the thread of the connection execute it. It has it when the first step of this is done."""
        found = await aiosqlite.Cursor(self._connection, cast("sqlite3.Cursor", statement)).fetchall()
        if isinstance(found, Exception):
            raise found
        return cast("list[Row]", found)


async def or_unavailable(rows: Awaitable[list[Row]], parameters: Parameters | Sequence[object]) -> list[Row]:
    """Return the rows of a statement with these parameters; raises as :meth:`Unseen.fetch_all`."""
    try:
        return await rows
    except (sqlite3.Error, ValueError) as error:  # aiosqlite says "closed" with a ValueError
        failure = error
    if type(failure) is sqlite3.OperationalError and not hasattr(failure, "sqlite_errorcode"):
        # Not SQLite's own, but the driver's: a text that is not UTF-8.
        given: Mapping[str, object] = parameters.given if isinstance(parameters, Parameters) else {}
        raise unreadable_link(given.get("provider_id"), given.get("user_id"))
    raise StoreUnavailable(explained(failure)) from failure


class Executable(Protocol):
    """What aiosqlite takes for a cursor that has been executed, and asks for its rows."""

    def fetchall(self) -> Outcome:
        """Execute it; in the thread of the connection."""
        ...


@final
class _Statement:
    """A single statement."""

    __slots__ = ("_connection", "_database", "_parameters", "_sql")

    def __init__(
        self,
        database: sqlite3.Connection,
        sql: str,
        parameters: Parameters | Sequence[object],
        connection: Unseen,
    ) -> None:
        self._database = database
        self._sql = sql
        self._parameters = parameters
        self._connection = connection

    def fetchall(self) -> Outcome:
        if self._connection.replaced():
            return StoreUnavailable(REPLACED)
        try:
            return rows_of(cursor_on(self._database), self._sql, self._parameters)
        except (sqlite3.Error, ValueError) as error:
            return presentable(error)


def cursor_on(database: sqlite3.Connection) -> sqlite3.Cursor:
    """Return one whose rows are tuples; in the thread of the connection."""
    cursor = database.cursor()
    cursor.row_factory = None  # the connection's may be anything
    return cursor


def rows_of(cursor: sqlite3.Cursor, sql: str, parameters: Parameters | Sequence[object]) -> list[Row]:
    """Execute a statement; in the thread of the connection."""
    # In one expression: no local variable has them.
    return [
        *map(Row, cursor.execute(sql, parameters.given if isinstance(parameters, Parameters) else parameters))
    ]


def presentable(error: Error) -> Error:
    """Return an error to be the cause of ours: the same, or one of its type without a row's contents.

    sqlite3 quotes what it cannot decode, and a trigger of the application's may say anything.
    """
    if isinstance(error, sqlite3.ProgrammingError) or _says_nothing_of_rows(error):
        return error.with_traceback(None)
    return _with_text(error, WITHHELD)


def copied(error: Error) -> Error:
    """Return another one that says the same, for one more caller."""
    error = presentable(error)
    return _with_text(error, *error.args)


def _with_text(error: Error, *text: object) -> Error:
    shown = (type(error) if isinstance(error, sqlite3.Error) else ValueError)(*text)
    vars(shown).update(vars(error))  # SQLite's own code and its name
    return shown


def _says_nothing_of_rows(error: Error) -> bool:
    # Errors of sqlite3 itself, such as of decoding, have no code.
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code != sqlite3.SQLITE_CONSTRAINT_TRIGGER
