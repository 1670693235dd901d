"""What an error of the driver means, and what of it may be shown."""

from __future__ import annotations

import socket

import asyncpg
import pytest

from extauth.adapters.postgres.failures import WITHHELD, connection_broke, explained, presentable


@pytest.mark.parametrize(
    ("error", "broke"),
    [
        (asyncpg.AdminShutdownError("shutting down"), True),
        (asyncpg.ConnectionDoesNotExistError("closed"), True),
        (OSError("reset"), True),
        (asyncpg.UniqueViolationError("twice"), False),
        (asyncpg.QueryCanceledError("took too long"), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_another_connection_may_do_better(error, broke):
    """A server or a connection that went away; not a statement that was refused or took too long."""
    assert broke == connection_broke(error)


def test_a_failure_is_explained_by_its_kind():
    """Not by its text, which may quote a row."""
    assert explained(asyncpg.RaiseError("row")) == "the Postgres store failed: RaiseError"
    assert "(UniqueViolationError)" in explained(asyncpg.UniqueViolationError("row"))
    assert "look at the host in the address" in explained(socket.gaierror(-2, "Name or service not known"))
    assert "takes no more connections" in explained(asyncpg.TooManyConnectionsError("too many"))


def test_an_error_unknown_to_the_driver_keeps_its_sqlstate():
    """It is all that tells what an application's trigger raised, whose text is withheld."""
    error = asyncpg.PostgresError("a row")
    vars(error)["sqlstate"] = "XT001"
    shown = presentable(error)
    assert isinstance(shown, asyncpg.PostgresError)
    assert (shown.sqlstate, shown.args) == ("XT001", (WITHHELD,))
