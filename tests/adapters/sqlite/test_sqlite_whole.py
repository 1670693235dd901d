"""Opening a file that has not all of extauth's schema, or something else by its names, or that is in use."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import aiosqlite
import pytest

from extauth import ConfigurationError, LinkKey, StoreUnavailable
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite.ddl import stored_version
from extauth.adapters.sqlite.facts import sqlite_facts
from extauth.adapters.sqlite.unseen import Unseen
from extauth.domain.hidden import HiddenText
from tests.support.swallowed_writes import KEY, TOKENS

PARTS = "SELECT type, name FROM sqlite_schema WHERE name LIKE 'external_auth%' ORDER BY 1, 2"
BRIEF = timedelta(milliseconds=50)
LOCKED = "another program has had the SQLite file locked"

COPIED = """CREATE TABLE copied AS SELECT * FROM external_auth_links;
DROP TABLE external_auth_links;
ALTER TABLE copied RENAME TO external_auth_links"""


@pytest.fixture
async def path(tmp_path):
    """A file with alice's link."""
    path = tmp_path / "links.db"
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
    return path


def run(path, *scripts: str) -> None:
    """Execute them beside the store."""
    with closing(sqlite3.connect(path)) as other:
        for script in scripts:
            other.executescript(script)


def rows(path, sql: str) -> list[tuple[object, ...]]:
    """Return what is read beside the store."""
    with closing(sqlite3.connect(path)) as other:
        return other.execute(sql).fetchall()


async def refused(path, match: str) -> None:
    """Opening says so."""
    with pytest.raises(ConfigurationError, match=match):
        async with SqliteLinkStore.open(path):
            raise AssertionError


def rebuilt(path) -> None:
    """Make the table of links anew, as SQLite's documentation of ALTER TABLE advises and tools do it."""
    [(table,)] = rows(path, "SELECT sql FROM sqlite_schema WHERE name = 'external_auth_links'")
    run(
        path,
        str(table).replace("external_auth_links", "rebuilt", 1),
        "INSERT INTO rebuilt SELECT * FROM external_auth_links",
        "DROP TABLE external_auth_links",
        "ALTER TABLE rebuilt RENAME TO external_auth_links",
    )


async def test_a_table_that_was_rebuilt_gets_its_triggers_and_indexes_back(path):
    """Without the one trigger a new link would have the version of one that was deleted."""
    parts = rows(path, PARTS)
    rebuilt(path)
    assert len(parts) > len(rows(path, PARTS))
    async with SqliteLinkStore.open(path) as store:
        await store.delete(KEY)
        assert (await store.put(KEY, TOKENS)).version == 2
    assert rows(path, PARTS) == parts


async def test_versions_go_on_above_those_that_are_there(path):
    """What was deleted while the trigger was away was no higher, as far as anybody can know."""
    async with SqliteLinkStore.open(path) as store:
        for _ in range(3):
            await store.put(KEY, TOKENS)
    rebuilt(path)
    async with SqliteLinkStore.open(path) as store:
        assert (await store.put(LinkKey("github", "bob"), TOKENS)).version == 5


async def test_who_opens_at_the_same_time_finds_them_made(path):
    """Each looks, and one of them makes what is missing."""
    rebuilt(path)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(opened(path))


async def opened(path) -> None:
    """It opens, and alice's link is there."""
    async with SqliteLinkStore.open(path) as store:
        assert (await store.get(KEY)) is not None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DROP TABLE external_auth_audit", "external_auth_audit, or"),
        ("DROP TABLE external_auth_links", "external_auth_links, or"),
        ("ALTER TABLE external_auth_links DROP COLUMN account_login", "external_auth_links.account_login"),
        (COPIED, "external_auth_links.provider_id"),
    ],
    ids=["a table", "the links", "a column", "the primary key"],
)
async def test_a_part_that_cannot_be_made_anew_is_named(change, named, path):
    """As of a copy of some tables, or one by CREATE TABLE AS; not when a user is about to be unlinked."""
    run(path, change)
    await refused(path, rf"lacks {named}.*restore")


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE external_auth_links (a)",
        "CREATE VIEW external_auth_links AS SELECT 1",
        "CREATE TABLE external_auth_meta (a)",
        "CREATE TABLE external_auth_meta (schema_version); INSERT INTO external_auth_meta VALUES ('x')",
    ],
)
async def test_tables_of_somebody_elses_are_refused(theirs, tmp_path):
    """No waiting mends that; they are left as they are."""
    path = tmp_path / "theirs.db"
    run(path, theirs)
    before = rows(path, "SELECT sql FROM sqlite_schema")
    await refused(path, r"not extauth's|another database")
    if "meta" in theirs:
        with pytest.raises(ConfigurationError, match=r"not extauth's"):
            await stored_version(HiddenText(path))
    assert rows(path, "SELECT sql FROM sqlite_schema") == before


@pytest.mark.parametrize("column", ["provider", "user", "due_at"])
async def test_a_column_of_the_administrators(column, path):
    """Whatever its name, reads of several links at once go on."""
    run(path, f'ALTER TABLE external_auth_links ADD COLUMN "{column}" TEXT')
    async with SqliteLinkStore.open(path) as store:
        bob = LinkKey("github", "bob")
        await store.put(bob, TOKENS)
        links = await asyncio.gather(store.get(KEY), store.get(bob))
    assert [link.key for link in links] == [KEY, bob]


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "DELETE"])
async def test_a_file_that_another_program_keeps_locked(mode, path, monkeypatch):
    """Opening says that, and not that it were no database; so do those that only look."""
    monkeypatch.setattr("extauth.adapters.sqlite.schema._BUSY_PATIENCE", BRIEF)
    monkeypatch.setattr("extauth.adapters.sqlite.ddl._PATIENCE", 0)
    monkeypatch.setattr("extauth.adapters.sqlite.facts._PATIENCE", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if mode == "EXCLUSIVE":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("UPDATE external_auth_meta SET schema_version = schema_version")
        else:  # in which who reads is in the way of the write-ahead log
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN")
            other.execute("SELECT * FROM external_auth_meta").fetchall()
        with pytest.raises(StoreUnavailable, match=LOCKED):
            async with SqliteLinkStore.open(path, busy_timeout=BRIEF):
                raise AssertionError
        if mode == "EXCLUSIVE":
            for look in (stored_version, sqlite_facts):
                with pytest.raises(StoreUnavailable, match=LOCKED):
                    await look(HiddenText(path))
    await opened(path)


async def test_a_damaged_file(path):
    """Opening says that it is to be restored."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    with pytest.raises(StoreUnavailable, match="is damaged; restore it"):
        async with SqliteLinkStore.open(path):
            raise AssertionError


async def test_a_constraint_of_the_administrators_is_named(path):
    """It may be a column that no statement of extauth's fills: SQLite says which, and quotes no row."""
    run(path, "CREATE UNIQUE INDEX one_each ON external_auth_links (oauth_token_type)")
    async with SqliteLinkStore.open(path) as store:
        with pytest.raises(StoreUnavailable, match=r"external_auth_links\.oauth_token_type"):
            await store.put(LinkKey("github", "bob"), TOKENS)


async def test_a_table_that_is_dropped_while_it_is_used(path):
    """The error names it."""
    async with SqliteLinkStore.open(path) as store:
        run(path, "DROP TABLE external_auth_registrations")
        with pytest.raises(StoreUnavailable, match="no such table: external_auth_registrations"):
            await store.registration("mcp")


async def test_nothing_is_asked_of_a_file_before_it_was_looked_at(path, monkeypatch):
    """SQLite 3.37 makes the other two files for a mere PRAGMA database_list; then it is too late."""
    asked = []
    execute = Unseen.execute

    async def noted(self, sql, parameters=()):
        asked.append(sql)
        return await execute(self, sql, parameters)

    monkeypatch.setattr(Unseen, "execute", noted)
    monkeypatch.setattr("extauth.adapters.sqlite.files.sharing_problem", lambda _: "chown it")
    await refused(path, "chown it")
    assert asked == []


async def test_a_connection_with_a_transaction_open(path):
    """Nothing is said of its tables."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.execute("BEGIN")
        with pytest.raises(StoreUnavailable, match="could not be prepared"):
            async with SqliteLinkStore(connection):
                raise AssertionError
