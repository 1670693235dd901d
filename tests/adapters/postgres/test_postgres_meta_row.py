"""The one row that says the schema's version: what leaves it out costs nothing, or is reported."""

from __future__ import annotations

import asyncio
import subprocess
from urllib.parse import urlsplit

import asyncpg
import pytest

from extauth import ConfigurationError, LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.postgres.schema import MIGRATIONS, migrate
from tests.servers.postgres_binaries import find_binaries
from tests.support.postgres_admin import role_of, run, session

KEY, OTHER = LinkKey("github", "alice"), LinkKey("github", "bob")
TOKENS = TokenSet("at", "rt")
TABLES = "external_auth_links, external_auth_meta, external_auth_authorizations, external_auth_registrations"
META = "SELECT schema_version, retired_version FROM external_auth_meta"


async def meta(dsn: str) -> list[tuple[int, int]]:
    """Return what the rows say."""
    async with session(dsn) as admin:
        return [tuple(row) for row in await admin.fetch(META)]


async def test_every_table_has_a_primary_key(postgres_dsn):
    """So that each can be published, and no row is there twice."""
    async with open_store(postgres_dsn), session(postgres_dsn) as admin:
        without = await admin.fetch(
            """SELECT relname FROM pg_class AS class WHERE relkind = 'r' AND relname LIKE 'external_auth%'
            AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary)"""
        )
        assert without == []
        with pytest.raises(asyncpg.UniqueViolationError):
            await admin.execute("INSERT INTO external_auth_meta DEFAULT VALUES")


@pytest.mark.parametrize("since", [0, *range(1, len(MIGRATIONS) + 1)])
async def test_a_database_whose_tables_are_all_published(since, postgres_dsn):
    """It opens, whatever version it is from, and links are unlinked."""
    async with session(postgres_dsn) as admin:
        if since:
            await migrate(admin, MIGRATIONS[:since])
        await admin.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    async with open_store(postgres_dsn) as store:
        link = await store.put(KEY, TOKENS)
        assert await store.delete(KEY) == link
    assert await meta(postgres_dsn) == [(len(MIGRATIONS), 1)]


async def test_a_truncate_under_an_open_store(postgres_dsn):
    """As test fixtures do it: links can be made and removed right after."""
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        await run(postgres_dsn, f"TRUNCATE {TABLES}")
        assert (await store.put(KEY, TOKENS)).version == 1
        await run(postgres_dsn, "DELETE FROM external_auth_meta")
        assert (await store.delete(KEY)).version == 1
        assert await store.delete(KEY) is None
        assert (await store.put(KEY, TOKENS)).version == 2
    assert await meta(postgres_dsn) == [(len(MIGRATIONS), 1)]


async def test_a_truncate_between_two_runs(postgres_dsn):
    """The row is put back, with a version for new links that no link has."""
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        await store.put(KEY, TOKENS)
    await run(postgres_dsn, "TRUNCATE external_auth_meta")
    async with open_store(postgres_dsn) as store:
        assert (await store.get(KEY)).version == 2
        assert (await store.put(OTHER, TOKENS)).version == 3
    await run(postgres_dsn, f"TRUNCATE {TABLES}")
    async with open_store(postgres_dsn) as store:
        assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_copy_without_data(postgres_server, postgres_dsn):
    """What pg_dump --schema-only makes of a database is an empty store."""
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    dump = await asyncio.create_subprocess_exec(
        find_binaries() / "pg_dump", "--schema-only", "--dbname", postgres_dsn, stdout=subprocess.PIPE
    )
    dumped, _ = await dump.communicate()
    statements = [line for line in dumped.decode().splitlines() if not line.startswith("\\")]
    async with postgres_server.fresh_database() as copy:
        await run(copy, "\n".join(statements))
        assert await meta(copy) == []
        async with open_store(copy) as store:
            assert await store.get(KEY) is None
            assert (await store.put(KEY, TOKENS)).version == 1


async def test_who_may_not_put_it_back_is_told_what_to_do(postgres_dsn):
    """At opening and later; what it says works."""
    async with open_store(postgres_dsn):
        pass
    async with role_of(postgres_dsn) as dsn:
        await run(postgres_dsn, f"REVOKE INSERT ON external_auth_meta FROM {urlsplit(dsn).username}")
        async with open_store(dsn) as store:
            await run(postgres_dsn, f"TRUNCATE {TABLES}")
            with pytest.raises(
                StoreUnavailable, match="INSERT INTO external_auth_meta DEFAULT VALUES"
            ) as told:
                await store.put(KEY, TOKENS)
            assert isinstance(told.value.__cause__, asyncpg.InsufficientPrivilegeError)
        with pytest.raises(ConfigurationError, match="INSERT INTO external_auth_meta DEFAULT VALUES"):
            async with open_store(dsn):
                raise AssertionError
        await run(postgres_dsn, "INSERT INTO external_auth_meta DEFAULT VALUES")
        async with open_store(dsn) as store:
            assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_row_that_was_lost_before_its_version_was_known_elsewhere(postgres_dsn):
    """A schema that is older cannot be told: the error says what to do."""
    async with session(postgres_dsn) as admin:
        await migrate(admin, MIGRATIONS[:4])
        await admin.execute("ALTER TABLE external_auth_meta ALTER COLUMN schema_version DROP DEFAULT")
        await admin.execute("TRUNCATE external_auth_meta")
    with pytest.raises(ConfigurationError, match="restore it from a backup, or drop extauth's tables"):
        async with open_store(postgres_dsn):
            raise AssertionError


async def test_two_rows_become_one(postgres_dsn):
    """Of an older schema, where that could be; the higher numbers hold."""
    async with session(postgres_dsn) as admin:
        await migrate(admin, MIGRATIONS[:4])
        await admin.execute("UPDATE external_auth_meta SET retired_version = 6")
        await admin.execute("INSERT INTO external_auth_meta (schema_version) VALUES (2)")
    async with open_store(postgres_dsn) as store:
        assert (await store.put(KEY, TOKENS)).version == 7
    assert await meta(postgres_dsn) == [(len(MIGRATIONS), 6)]
