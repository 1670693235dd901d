"""What is said of SQLite's errors."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from extauth.adapters.sqlite.failures import explained, refused, unprepared
from extauth.domain.errors import ConfigurationError, StoreUnavailable


def error_of(*statements):
    """Return what SQLite raises of the last one."""
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in statements[:-1]:
            database.execute(statement)
        with pytest.raises(sqlite3.Error) as caught:
            database.execute(statements[-1])
    return caught.value


TWICE = error_of("CREATE TABLE t (one UNIQUE)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)")
NO_COLUMN = error_of("CREATE TABLE t (one)", "SELECT two FROM t")


@pytest.mark.parametrize("error", [sqlite3.InterfaceError("of the driver"), ValueError("of the driver")])
def test_of_what_is_not_sqlites_own_nothing_is_supposed(error):
    """The driver has no code for it."""
    assert explained(error) == "the SQLite store failed"
    assert str(unprepared(error)).startswith("the SQLite file could not be prepared")


def test_what_refuses_is_named():
    """In an open store as when it is prepared."""
    assert "(UNIQUE constraint failed: t.one)" in explained(TWICE)
    told = unprepared(TWICE)
    assert type(told) is StoreUnavailable
    assert "(UNIQUE constraint failed: t.one)" in str(told)


def test_tables_of_others_are_named():
    """Where they are looked at the deployment is to be mended."""
    told = refused(NO_COLUMN)
    assert type(told) is ConfigurationError
    assert "(no such column: two)" in str(told)
    assert "(no such column: two)" in explained(NO_COLUMN)
