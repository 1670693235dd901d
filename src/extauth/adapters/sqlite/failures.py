"""What SQLite's errors mean to whoever looks after the file, and what is to be done."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final, TypeAlias

from extauth.domain.errors import ConfigurationError, StoreUnavailable

Error: TypeAlias = sqlite3.Error | ValueError

_EXPLAINED: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_READONLY: (
        "the SQLite file, or one of those with -wal and -shm after its name, may not be written; look at"
        " their owners and modes, and open the store again, which says more"
    ),
    sqlite3.SQLITE_BUSY: (
        "another program has had the SQLite file locked for longer than busy_timeout; look for one that has"
        " left a transaction open, or writes for long"
    ),
    sqlite3.SQLITE_FULL: "the disk that the SQLite file is on is full; nothing was written",
    sqlite3.SQLITE_IOERR: "the SQLite file cannot be read or written; look at its disk, which may be full",
    sqlite3.SQLITE_CORRUPT: "the SQLite file is damaged; restore it, see docs/howto/back-up.md",
    sqlite3.SQLITE_NOTADB: (
        "the file is no SQLite database, or its beginning is damaged; look at the address, or restore it, see"
        " docs/howto/back-up.md"
    ),
    sqlite3.SQLITE_ERROR: (
        "extauth's tables are not as it has made them ({said}); undo what another program has changed, or"
        " restore the file"
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        "a constraint, index or trigger that is not extauth's refuses what is written to its tables ({said});"
        " drop it"
    ),
}
"""By SQLite's primary code."""

_OTHERS_TABLES: Final = (
    "tables in the SQLite file have the names of extauth's and are not extauth's ({said}); give extauth"
    " another database, or restore the file"
)
_UNPREPARED: Final = "the SQLite file could not be prepared; is it a database that this user may write?"


def explained(error: Error) -> str:
    """Say in one line what happened, of an error that may be shown."""
    return _EXPLAINED.get(primary_code(error), "the SQLite store failed").format(said=error)


def unprepared(error: sqlite3.Error | TimeoutError, otherwise: str = _UNPREPARED) -> StoreUnavailable:
    """Return the error for a file that cannot be opened or looked at; ``otherwise`` is said of the rest."""
    code = sqlite3.SQLITE_BUSY if isinstance(error, TimeoutError) else primary_code(error)
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_ERROR} or code not in _EXPLAINED:
        return StoreUnavailable(otherwise)
    return StoreUnavailable(_EXPLAINED[code].format(said=error))


def refused(error: sqlite3.Error, otherwise: str = _UNPREPARED) -> ConfigurationError | StoreUnavailable:
    """Return the same where the tables are looked at or made: they may be others'."""
    if primary_code(error) == sqlite3.SQLITE_ERROR:
        return others_tables(str(error))
    return unprepared(error, otherwise)


def others_tables(said: str) -> ConfigurationError:
    """Return the error for something by the name of a table that is not extauth's."""
    return ConfigurationError(_OTHERS_TABLES.format(said=said))


def primary_code(error: Exception) -> int:
    """Return SQLite's primary code; 0 if the error is not SQLite's own."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
