"""``migrate`` and ``schema``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from extauth import LinkKey, open_store
from extauth.adapters.postgres.ddl import NEWEST as NEWEST_POSTGRES
from extauth.adapters.postgres.schema import MIGRATIONS as OF_POSTGRES
from extauth.adapters.postgres.schema import migrate as migrate_postgres
from extauth.adapters.sqlite.ddl import NEWEST as NEWEST_SQLITE
from extauth.adapters.sqlite.ddl import ddl
from extauth.adapters.sqlite.schema import MIGRATIONS as OF_SQLITE
from extauth.domain.inventory import LinkFilter, inventory_of
from tests.cli.commands.support import extauth, tokens
from tests.servers.postgres_server import PostgresServer

_OLDER = 5
KEY = LinkKey("github", "alice")


async def _older(url: str) -> None:
    """Make a schema of some versions ago."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("CREATE TABLE external_auth_meta (schema_version INTEGER NOT NULL)")
            database.execute("INSERT INTO external_auth_meta VALUES (?)", (_OLDER,))
            for statement in [each for part in OF_SQLITE[:_OLDER] for each in part]:
                database.execute(statement)
        database.close()
        return
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        await migrate_postgres(connection, OF_POSTGRES[:_OLDER])


def test_the_tables_are_created_once(url):
    """It says from where to where, and a second time that nothing is to be done."""
    newest = NEWEST_SQLITE if url.startswith("sqlite") else NEWEST_POSTGRES
    check = extauth("migrate", "--check", "--store", url, "--json")
    to_do = {"command": "migrate", "ok": False, "from": 0, "to": newest, "changed": False}
    assert (check.code, check.json) == (1, to_do)
    assert extauth("migrate", "--check", "--store", url).out == (
        f"there is no schema yet; extauth migrate leads to {newest}\n"
    )
    made = extauth("migrate", "--store", url, "--json")
    done = {"command": "migrate", "ok": True, "from": 0, "to": newest, "changed": True}
    assert (made.code, made.json, made.err) == (0, done, "")
    for options in ([], ["--check"]):
        again = extauth("migrate", "--store", url, *options)
        assert (again.code, again.out) == (0, f"version {newest}; nothing to do\n")


def test_a_check_makes_no_file(tmp_path):
    """Looking leaves nothing behind."""
    extauth("migrate", "--check", "--store", f"sqlite:///{tmp_path}/links.db")
    assert list(tmp_path.iterdir()) == []


async def test_only_migrate_migrates(url):
    """Every other command refuses an older database and leaves it as it is."""
    await _older(url)
    for command in (
        ["links"],
        ["show", "github", "alice"],
        ["retry", "github"],
        ["unlink", "github", "alice"],
    ):
        run = extauth(*command, "--store", url, "--json")
        assert (run.code, run.error["code"]) == (5, "configuration_error")
        assert f"has version {_OLDER} of the schema" in run.error["message"]
    migrated = extauth("migrate", "--store", url, "--json")
    assert (migrated.json["from"], migrated.json["changed"]) == (_OLDER, True)
    assert extauth("links", "--store", url).out == "no such links\n"


def test_other_commands_make_no_database(tmp_path):
    """A mistyped address is told, and no file is made."""
    run = extauth("links", "--store", f"sqlite:///{tmp_path}/typo.db")
    assert (run.code, "extauth migrate" in run.err, list(tmp_path.iterdir())) == (5, True, [])


async def test_a_newer_database_is_refused(url):
    """An older extauth does not touch it."""
    async with open_store(url, keys="plain"):
        pass
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("UPDATE external_auth_meta SET schema_version = 99")
        database.close()
    else:
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE external_auth_meta SET schema_version = 99")
        await connection.close()
    for command in ("migrate", "links"):
        run = extauth(command, "--store", url)
        assert (run.code, "schema version 99" in run.err) == (5, True)


@pytest.mark.parametrize("since", [0, _OLDER])
async def test_the_printed_sqlite_schema_is_a_stores(tmp_path, since):
    """What is printed, run by SQLite's own means, is what a store migrates to: it changes nothing more."""
    path = Path(tmp_path, "links.db")
    if since:
        await _older(f"sqlite:///{path}")
    printed = extauth("schema", "sqlite", "--from", str(since))
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(printed.out)
        schema = list(database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))
    database.close()
    async with open_store(f"sqlite:///{path}", keys="plain") as store:
        link = await store.put(KEY, tokens())
        assert await store.get(KEY) == link
    other = Path(tmp_path, "other.db")
    async with open_store(f"sqlite:///{other}", keys="plain"):
        pass
    with closing(sqlite3.connect(other)) as database, database:
        expected = list(database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))
    database.close()
    assert schema == expected


async def test_the_printed_postgres_schema_is_enough_for_a_role_that_may_create_nothing(
    postgres_server: PostgresServer,
):
    """An owner runs what is printed; the application's role opens a store, uses it, and may no more."""
    role = 'Extauth "app" role'
    quoted = '"' + role.replace('"', '""') + '"'
    async with postgres_server.fresh_database() as dsn:
        owner = await asyncpg.connect(dsn)
        await owner.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD 'canary'")
        try:
            await owner.execute('CREATE SCHEMA "Vault"')
            printed = extauth("schema", "postgres", "--role", role, "--schema", "Vault")
            await owner.execute(printed.out)
            await owner.execute(f'ALTER ROLE {quoted} SET search_path TO "Vault"')
            limited = f"postgresql://{quote(role)}:canary@{dsn.rpartition('@')[2]}"
            async with open_store(limited, keys="plain", schema="Vault") as store:
                link = await store.put(KEY, tokens())
                assert await store.get(KEY) == link
                assert await store.delete(KEY) == link
                assert (await inventory_of(store).find(LinkFilter())).links == ()
            session = await asyncpg.connect(limited)
            for forbidden in (
                'CREATE TABLE "Vault".mine (id int)',
                "ALTER TABLE external_auth_links ADD COLUMN mine int",
                "DROP TABLE external_auth_links",
                "TRUNCATE external_auth_links",
                "DELETE FROM external_auth_meta",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await session.execute(forbidden)
            await session.close()
        finally:
            await owner.execute(f"DROP OWNED BY {quoted}; DROP ROLE {quoted}")
            await owner.close()


def test_the_printed_schema_as_json():
    """The statements, one by one."""
    run = extauth("schema", "postgres", "--from", str(NEWEST_POSTGRES - 1), "--json")
    assert set(run.json) == {"command", "ok", "database", "from", "to", "statements"}
    assert [run.json["statements"][0], run.json["statements"][-1]] == ["BEGIN", "COMMIT"]
    assert extauth("schema", "sqlite", "--from", str(NEWEST_SQLITE), "--json").json["statements"] == []


@pytest.mark.parametrize("options", [["--from", "99"], ["--from", "-1"], ["--role", "app"]])
def test_a_schema_that_cannot_be_is_refused(options):
    """A version that there is not, and what SQLite has not."""
    run = extauth("schema", "sqlite", *options, "--json")
    assert (run.code, run.error["code"]) == (2, "usage")
    with pytest.raises(ValueError, match="versions 0 to"):
        ddl(99)
