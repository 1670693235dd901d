"""What is said of SQLite's errors."""

from __future__ import annotations

import sqlite3

import pytest

from extauth.adapters.sqlite.failures import explained, refused, unprepared
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from tests.adapters.sqlite.raised import failure

TWICE = failure("CREATE TABLE t (one UNIQUE)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)")
NO_COLUMN = failure("CREATE TABLE t (one)", "SELECT two FROM t")


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
