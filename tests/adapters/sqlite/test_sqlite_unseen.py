"""What may be seen of a statement and of an error of the driver."""

from __future__ import annotations

import sqlite3

import pytest

from extauth.adapters.sqlite.unseen import WITHHELD, Parameters, copied, presentable
from tests.adapters.sqlite.raised import failure


def test_parameters_show_their_names_alone():
    """Wherever they turn up."""
    assert repr(Parameters(user="alice", token="canary")) == "Parameters(user, token)"


def test_an_error_that_says_nothing_of_a_row_stays_the_same():
    """A copy of it says the same, and is another one."""
    error = failure("SELECT * FROM nowhere")
    copy = copied(error)
    assert presentable(error) is error
    assert (type(copy), copy.args, copy is error) == (type(error), error.args, False)
    assert (copy.sqlite_errorcode, copy.sqlite_errorname) == (1, "SQLITE_ERROR")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnicodeDecodeError("utf-8", b"canary\xff", 6, 7, "invalid start byte"), ValueError),
        (ValueError("canary"), ValueError),
        (
            sqlite3.OperationalError("Could not decode to UTF-8 column 'x' with text 'canary'"),
            sqlite3.OperationalError,
        ),
        (
            failure(
                "CREATE TABLE t (x)",
                "CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'canary'); END",
                "INSERT INTO t VALUES (1)",
            ),
            sqlite3.IntegrityError,
        ),
    ],
)
def test_an_error_that_may_quote_a_row_has_no_text(error, kind):
    """It is of the same kind as far as that can be made without one, and keeps SQLite's code."""
    for shown in (presentable(error), copied(error)):
        assert (type(shown), shown.args) == (kind, (WITHHELD,))
        assert vars(shown) == vars(error)
