"""The schema as SQL, and which version a file has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from extauth import ConfigurationError, StoreUnavailable, open_store
from extauth.adapters.sqlite import files
from extauth.adapters.sqlite.ddl import NEWEST, ddl, stored_version
from extauth.adapters.sqlite.schema import META_TABLE, MIGRATIONS
from extauth.domain.hidden import HiddenText


def schema_of(file: Path) -> list[tuple[str, ...]]:
    """Return what SQLite says of it."""
    with closing(sqlite3.connect(file)) as database:
        return list(database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))


@pytest.mark.parametrize("since", [0, 1, NEWEST - 1])
async def test_it_is_a_stores_from_any_version_on(tmp_path, since):
    """All of it in one transaction, which whoever runs the statements need not begin or end."""
    file, other = tmp_path / "links.db", tmp_path / "other.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for statement in META_TABLE if since else ():
            database.execute(statement)
        for statement in [each for part in MIGRATIONS[:since] for each in part]:
            database.execute(statement)
        states = []
        for statement in ddl(since):
            database.execute(statement)
            states.append(database.in_transaction)
    assert states == [*[True] * (len(states) - 1), False]
    assert await stored_version(HiddenText(file)) == NEWEST
    async with open_store(f"sqlite:///{other}", keys="plain"):
        pass
    assert schema_of(file) == schema_of(other)
    assert (ddl() == ddl(0), ddl(NEWEST)) == (True, ())


@pytest.mark.parametrize("since", [-1, NEWEST + 1])
def test_no_other_version_is_known(since):
    """The error names those that are."""
    with pytest.raises(ValueError, match=f"0 to {NEWEST} of the schema, not {since}"):
        ddl(since)


async def test_what_a_file_has(tmp_path, monkeypatch):
    """Nothing, an empty database, one with no version yet, a store's; looking makes no file."""
    monkeypatch.chdir(tmp_path)
    name = HiddenText("with ?#% in its name.db")
    assert await stored_version(name) is None
    assert not any(tmp_path.iterdir())
    with closing(sqlite3.connect(name)) as database:
        database.execute("PRAGMA user_version = 1")
        assert await stored_version(name) == 0
        database.execute(META_TABLE[0])
        database.commit()
        assert await stored_version(name) == 0
        database.execute("INSERT INTO external_auth_meta VALUES (3)")
        database.commit()
        assert await stored_version(name) == 3
    (tmp_path / name).write_text("no database at all, though it is long enough to be one" * 20)
    with pytest.raises(StoreUnavailable, match=r"is no SQLite database.*look at the address"):
        await stored_version(name)


async def test_a_file_that_cannot_be_shared_is_left_alone(tmp_path, monkeypatch):
    """Looking may make the files beside it."""
    asked = []
    monkeypatch.setattr(files, "sharing_problem", lambda file: asked.append(file) or "share it")
    with pytest.raises(ConfigurationError, match="share it"):
        await stored_version(file := HiddenText(tmp_path / "links.db"))
    assert asked == [file]
