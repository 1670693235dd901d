"""Carrying writes out, one by itself or many in one transaction; in the thread of a connection.

What each of many is promised stays its own. A statement that fails undoes itself, and one with something
written beside it has a savepoint. Where one of them takes the whole transaction along (a trigger that says
so, or a constraint that is looked at when all is committed), each is carried out as if it had been alone.
Where the commit fails, nothing was done, and everybody gets the error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar, final

import attrs

from extauth.adapters.sqlite.failures import primary_code
from extauth.adapters.sqlite.row import Row
from extauth.adapters.sqlite.unseen import Outcome, Parameters, copied, cursor_on, presentable, rows_of

T = TypeVar("T")

Beside: TypeAlias = Callable[[sqlite3.Cursor, list[Row]], None]
"""Writes something of the rows that a statement returned, in one transaction with it."""


@final
@attrs.define(eq=False, repr=False)
class Write:
    """One statement, and what is to be written beside it."""

    sql: str
    parameters: Parameters
    beside: Beside | None

    def run(self, cursor: sqlite3.Cursor) -> list[Row]:
        """Execute both, in whatever transaction there is."""
        rows = rows_of(cursor, self.sql, self.parameters)
        if self.beside is not None:
            self.beside(cursor, rows)
        return rows


def carried_out(database: sqlite3.Connection, writes: Sequence[Write]) -> Sequence[Outcome]:
    """Carry them out in this order, and return what came of each once it is committed."""
    if len(writes) > 1:
        outcomes = _together(database, writes)
        if outcomes is not None:
            return outcomes
    return [_alone(database, write) for write in writes]


def _alone(database: sqlite3.Connection, write: Write) -> Outcome:
    try:
        cursor = cursor_on(database)
        if write.beside is None:
            return write.run(cursor)
        return in_one(cursor, write.run)
    except Exception as error:  # noqa: BLE001 - raised where the call was made
        return _shown(error)


def in_one(cursor: sqlite3.Cursor, work: Callable[[sqlite3.Cursor], T]) -> T:
    """Do it in one transaction, which takes SQLite's write lock at once; nothing is done if it raises."""
    cursor.execute("BEGIN IMMEDIATE")
    try:
        done = work(cursor)
        cursor.execute("COMMIT")
    except BaseException:
        _roll_back(cursor)
        raise
    return done


def _together(database: sqlite3.Connection, writes: Sequence[Write]) -> Sequence[Outcome] | None:
    """Do that in one transaction; None if nothing was done, and each is to be carried out alone."""
    try:
        cursor = cursor_on(database)
    except sqlite3.ProgrammingError:
        return None  # it is closed, as each finds
    outcomes: list[Outcome] = []
    try:
        cursor.execute("BEGIN IMMEDIATE")
        for write in writes:
            outcomes.append(_among_others(cursor, write))
            if not database.in_transaction:
                return None
        cursor.execute("COMMIT")
    except (sqlite3.Error, ValueError) as error:
        _roll_back(cursor)
        if primary_code(error) == sqlite3.SQLITE_CONSTRAINT:
            return None
        if not outcomes:
            return [copied(error) for _ in writes]
        return [each if isinstance(each, Exception) else copied(error) for each in outcomes]
    except BaseException:
        _roll_back(cursor)
        raise
    return outcomes


def _among_others(cursor: sqlite3.Cursor, write: Write) -> Outcome:
    try:
        if write.beside is None:
            return write.run(cursor)
        cursor.execute("SAVEPOINT extauth_write")
        try:
            rows = write.run(cursor)
        except BaseException:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK TO extauth_write")
                cursor.execute("RELEASE extauth_write")
            raise
        cursor.execute("RELEASE extauth_write")
    except Exception as error:  # noqa: BLE001 - raised where the call was made
        return _shown(error)
    return rows


def _roll_back(cursor: sqlite3.Cursor) -> None:
    if cursor.connection.in_transaction:
        cursor.execute("ROLLBACK")


def _shown(error: Exception) -> Exception:
    return presentable(error) if isinstance(error, sqlite3.Error | ValueError) else error
