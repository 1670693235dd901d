"""What is said of a server's refusals: names and messages, and no details, which quote rows."""

from __future__ import annotations

import asyncpg
import pytest

from extauth.adapters.postgres.sqlstates import in_use, of_the_tables

QUOTED = "Key (oauth_access_token)=(at-secret) already exists."


def refusal(state: str, message: str = "so it is", **names: str) -> asyncpg.PostgresError:
    """Return what asyncpg makes of such an answer."""
    letters = {"table": "t", "column": "c", "constraint": "n"}
    named = {letters[part]: name for part, name in names.items()}
    made: asyncpg.PostgresError = asyncpg.PostgresError.new(
        {"S": "ERROR", "C": state, "M": message, "D": QUOTED, **named}
    )
    return made


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("42501", "permission denied for table t"), "(permission denied for table t)"),
        (refusal("57014", "canceling statement due to statement timeout"), "due to statement timeout)"),
        (refusal("53200", "out of memory"), "the Postgres store failed: OutOfMemoryError, out of memory"),
        (refusal("23514", constraint="short", table="t"), "(constraint short table t)"),
        (refusal("23502", column="tenant", table="t"), "(column tenant table t)"),
        (refusal("23505"), "(UniqueViolationError)"),
        (refusal("42P01", 'relation "t" does not exist'), '(relation "t" does not exist)'),
        (asyncpg.UndefinedTableError(), "(UndefinedTableError)"),
    ],
)
def test_what_is_the_matter_is_named(error, told):
    """So that an operator knows where to look."""
    said = str(in_use(error))
    assert told in said
    assert "at-secret" not in said


@pytest.mark.parametrize(
    "error",
    [
        refusal("23505", table="pg_class"),
        refusal("42704", 'unrecognized configuration parameter "pass"'),
        refusal("42501", "permission denied"),
        refusal("22P02"),
    ],
)
def test_what_is_not_about_the_tables(error):
    """What the server's own tables say of two who make one, and what may be a part of a password."""
    assert of_the_tables(error) is None
