"""A file that is open and yet does not keep what is written says so."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from extauth import ConfigurationError, LinkKey, StoreUnavailable
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite.schema import MIGRATIONS
from extauth.domain.due import DueBy
from tests.support.swallowed_writes import BEGUN, FAILURE, KEY, MINUTE, TOKENS, WRITES

IGNORED = "BEGIN SELECT RAISE(IGNORE); END"
TABLES = (
    "external_auth_links",
    "external_auth_authorizations",
    "external_auth_registrations",
    "external_auth_outbox",
    "external_auth_audit",
)
META = "SELECT only_row, schema_version, retired_version FROM external_auth_meta"


@pytest.fixture
def path(tmp_path):
    """Where the store is."""
    return tmp_path / "links.db"


def run(path, *statements: str) -> list[tuple[object, ...]]:
    """Execute them beside the store, and return all rows."""
    with closing(sqlite3.connect(path)) as other, other:
        return [row for statement in statements for row in other.execute(statement)]


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())
async def test_a_write_that_is_swallowed_ends_with_an_error(call, path):
    """It is no lost race, and is not tried for ever."""
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
        await store.begin_authorization(BEGUN, MINUTE)
        for table in TABLES:
            for act in ("INSERT", "UPDATE", "DELETE"):
                run(
                    path,
                    f"CREATE TRIGGER no_{act}_{table} BEFORE {act} ON {table} {IGNORED}",
                )
        with pytest.raises(StoreUnavailable, match="a trigger on extauth's tables"):
            async with asyncio.timeout(30):
                await call(store)


async def test_the_row_of_the_schema_cannot_be_lost(path):
    """Fixtures that empty all tables, and schemas that are made twice, leave it."""
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
        run(path, *(f"DELETE FROM {table}" for table in (*TABLES, "external_auth_meta")))  # noqa: S608
        assert (await store.put(KEY, TOKENS)).version == 2
    with pytest.raises(sqlite3.IntegrityError):
        run(path, "INSERT INTO external_auth_meta (schema_version, retired_version) VALUES (1, 0)")
    async with SqliteLinkStore.open(path) as store:
        assert (await store.get(KEY)).version == 2
    assert run(path, META) == [(1, len(MIGRATIONS), 1)]


async def test_every_table_has_a_primary_key(path):
    """As whatever copies or publishes single rows wants it."""
    async with SqliteLinkStore.open(path):
        pass
    tables = [name for [name] in run(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables.remove("sqlite_sequence")  # SQLite's own, for the numbers of the audit trail's entries
    assert sorted((*TABLES, "external_auth_meta")) == sorted(tables)
    for table in tables:
        keys = run(path, f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0")  # noqa: S608
        assert (table, keys != []) == (table, True)


async def test_two_rows_of_an_older_schema_become_one(path):
    """The higher numbers hold."""
    run(
        path,
        "CREATE TABLE external_auth_meta (schema_version INTEGER NOT NULL)",
        "INSERT INTO external_auth_meta VALUES (1), (1)",
        *MIGRATIONS[0],
        "UPDATE external_auth_meta SET retired_version = rowid",
    )
    async with SqliteLinkStore.open(path) as store:
        assert (await store.put(KEY, TOKENS)).version == 3
    assert run(path, META) == [(1, len(MIGRATIONS), 2)]


async def test_a_copy_without_data(path, tmp_path):
    """It says nothing of its version: the error says what to do, and doing it works."""
    async with SqliteLinkStore.open(path):
        pass
    copy = tmp_path / "copy.db"
    own = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    run(copy, *(sql for [sql] in run(path, own)))
    with pytest.raises(ConfigurationError, match="drop extauth's tables if they are empty"):
        async with SqliteLinkStore.open(copy):
            raise AssertionError
    run(copy, *(f"DROP TABLE {table}" for table in (*TABLES, "external_auth_meta")))
    async with SqliteLinkStore.open(copy) as store:
        assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_trigger_that_sets_updated_at(path):
    """It changes nothing that a store promises: leases and marks are no use of a link."""
    async with SqliteLinkStore.open(path) as store:
        link = await store.put(KEY, TOKENS)
        run(
            path,
            """CREATE TRIGGER touch AFTER UPDATE ON external_auth_links BEGIN
            UPDATE external_auth_links SET updated_at = updated_at + 1000000; END""",
        )
        claimed = await store.claim(KEY, 1, "owner", MINUTE)
        await store.record_failure(KEY, 1, FAILURE)
        assert (await store.get(KEY)).updated_at == link.updated_at
        assert claimed.link.updated_at == link.updated_at
        late = datetime.max.replace(tzinfo=UTC)
        assert [due.at for due in await store.due("github", DueBy.AGE, late)] == [link.updated_at]
        saved = await store.save(KEY, 1, TOKENS)
        assert (await store.get(KEY)).updated_at == saved.link.updated_at


@pytest.mark.parametrize("column", ["lease_expires_at", "lease_taken_at", "unresolved_since", "oauth_expiry"])
@pytest.mark.parametrize("value", [1e300, -1e300, 9e18, 1.5, 2**62, "text", b"bytes"], ids=repr)
@pytest.mark.parametrize("release", [False, True])
async def test_a_damaged_instant_is_an_error_of_the_stores(column, value, release, path):
    """Whatever a column holds, it costs its own link's callers a typed error, and no other's anything."""
    other = LinkKey("github", "bob")
    async with SqliteLinkStore.open(path) as store:
        for key in (KEY, other):
            await store.put(key, TOKENS)
            await store.claim(key, 1, "one", MINUTE)
            if release:
                await store.release(key, 1, "one", unresolved=True)
        with closing(sqlite3.connect(path)) as by_hand, by_hand:
            changed = f"UPDATE external_auth_links SET {column} = ? WHERE user_id = 'alice'"  # noqa: S608
            by_hand.execute(changed, (value,))
        for call in (
            lambda: store.get(KEY),
            lambda: store.claim(KEY, 1, "two", MINUTE),
            lambda: store.claim(KEY, 1, "two", MINUTE),
            lambda: store.save(KEY, 7, TOKENS),
            lambda: store.release(KEY, 1, "two"),
            lambda: store.links_of("alice"),
            lambda: store.due("github", DueBy.EXPIRY, datetime.max.replace(tzinfo=UTC)),
            lambda: store.due("github", DueBy.HALF_LIFE, datetime.max.replace(tzinfo=UTC)),
            lambda: store.due("github", DueBy.AGE, datetime.max.replace(tzinfo=UTC)),
            lambda: store.wait_for_change(KEY, 1, timedelta(0)),
            lambda: store.delete(KEY),
        ):
            with suppress(StoreUnavailable):
                await call()
        assert (await store.get(other)).version == 1
