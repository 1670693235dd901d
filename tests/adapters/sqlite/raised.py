"""Errors as SQLite itself raises them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest


def failure(*statements: str) -> sqlite3.Error:
    """Return the error that SQLite has of the last of them."""
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in statements[:-1]:
            database.execute(statement)
        with pytest.raises(sqlite3.Error) as caught:
            database.execute(statements[-1])
    return caught.value
