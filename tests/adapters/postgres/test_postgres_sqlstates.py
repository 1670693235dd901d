"""What is said of a server's refusals: names and messages, and no details, which quote rows."""

from __future__ import annotations

import asyncpg
import pytest

from extauth.adapters.postgres.sqlstates import in_use, of_the_tables, permanent

QUOTED = "Key (oauth_access_token)=(at-secret) already exists."


def refusal(
    state: str, message: str = "so it is", severity: str = "ERROR", **names: str
) -> asyncpg.PostgresError:
    """Return what asyncpg makes of such an answer."""
    letters = {"table": "t", "column": "c", "constraint": "n"}
    named = {letters[part]: name for part, name in names.items()}
    made: asyncpg.PostgresError = asyncpg.PostgresError.new(
        {"S": "LOCALIZED", "V": severity, "C": state, "M": message, "D": QUOTED, **named}
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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("55000", 'database "x" is not ...', "FATAL"), "accepts no connections; ALTER it"),
        (refusal("42601", "invalid command-line argument", "FATAL"), "has an option with a value"),
        (refusal("XX000", "Tenant or user not found", "FATAL"), "user as its operator shows"),
        (refusal("XX000", "(ENOTFOUND) tenant/user postgres.abc not found", "FATAL"), "postgres.PROJECT"),
        (refusal("XX000", "(ENOIDENTIFIER) no tenant identifier provided", "FATAL"), "postgres.PROJECT"),
        (refusal("08P01", 'no such database: "x"', "FATAL"), "has no such database"),
    ],
)
def test_what_no_waiting_mends(error, told):
    """Of a server, or a pooler, that lets no connection be made: what is said is of the address."""
    assert told in str(permanent(error))


@pytest.mark.parametrize(
    "error",
    [
        refusal("XX000", "MaxClientsInSessionMode: max clients reached", "FATAL"),
        refusal("XX000", "could not read block 7"),
        refusal("55000", "lastval is not yet defined in this session"),
        refusal("08P01", "query_wait_timeout", "FATAL"),
    ],
)
def test_what_waiting_may_mend(error):
    """The same states where they are of a moment, or of a statement."""
    assert permanent(error) is None
