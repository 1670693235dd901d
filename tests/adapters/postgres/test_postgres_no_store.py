"""A database that answers and yet is no store says so, and never "not connected"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from extauth import ConfigurationError, LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.sql.conditional_writes import MOST_TRIES
from tests.servers.postgres_server import own_postgres
from tests.support.postgres_admin import role_of, run, session
from tests.support.swallowed_writes import BEGUN, KEY, MINUTE, TOKENS, WRITES

TABLES = (
    "external_auth_links",
    "external_auth_meta",
    "external_auth_authorizations",
    "external_auth_registrations",
    "external_auth_outbox",
    "external_auth_audit",
)

SWALLOW = """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()"""


async def refused(dsn: str, match: str, **options: Any) -> None:
    """Opening says so."""
    with pytest.raises(ConfigurationError, match=match):
        async with open_store(dsn, **options):
            raise AssertionError


@pytest.fixture
async def linked(postgres_dsn: str) -> str:
    """The DSN of a database with alice's link."""
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    return postgres_dsn


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())
async def test_a_write_that_is_swallowed_ends_with_an_error(call, linked):
    """It is no lost race, and is not tried for ever; the error names what can swallow it."""
    async with open_store(linked) as store:
        await store.begin_authorization(BEGUN, MINUTE)
        await run(
            linked,
            SWALLOW.format(table="external_auth_links"),
            *(
                f"CREATE TRIGGER swallow BEFORE INSERT OR UPDATE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION swallow()"
                for table in ("external_auth_authorizations", "external_auth_registrations")
            ),
        )
        with pytest.raises(StoreUnavailable, match=r"trigger .* row-level security .* load balancer"):
            async with asyncio.timeout(30):
                await call(store)


async def test_a_claim_that_is_swallowed_is_tried_a_few_times(linked):
    """One caller makes as many transactions as there are tries, however long it would wait."""
    async with open_store(linked, max_size=1) as store, session(linked) as admin:
        await run(linked, "CREATE SEQUENCE tries", SWALLOW.format(table="external_auth_links"))
        await admin.execute(
            """CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM nextval(''tries''); RETURN NULL; END'"""
        )
        with pytest.raises(StoreUnavailable):
            await store.claim(KEY, 1, "owner", MINUTE)

        assert await admin.fetchval("SELECT last_value FROM tries") == MOST_TRIES


@pytest.mark.parametrize(
    "table", ["external_auth_links", "external_auth_authorizations", "external_auth_registrations"]
)
async def test_opening_finds_a_trigger_that_swallows(table, linked):
    """Before anything is refreshed; and a trigger that swallows nothing is no matter."""
    await run(linked, SWALLOW.format(table=table))
    await refused(linked, "trigger on extauth's tables")
    await run(
        linked,
        "CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END'",
    )
    async with open_store(linked) as store:
        assert (await store.get(KEY)).version == 1


@pytest.mark.parametrize(
    "table",
    [
        "external_auth_links",
        "external_auth_authorizations",
        "external_auth_registrations",
        "external_auth_meta",
    ],
)
async def test_row_level_security_without_a_policy_is_refused(table, linked):
    """It hides every row: each link would seem not to be connected. A policy for all rows is accepted."""
    await run(linked, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    async with role_of(linked) as dsn:
        await refused(dsn, f"row-level security keeps rows of {table}")
        await run(linked, f"CREATE POLICY all_rows ON {table} USING (true)")
        async with open_store(dsn) as store:
            assert (await store.get(KEY)).version == 1
        async with open_store(linked) as store:  # the owner is subject to none
            assert (await store.get(KEY)).version == 1


async def test_a_policy_that_hides_some_rows_is_refused(linked):
    """As one for tenants, which this role sets nothing for."""
    await run(
        linked,
        "ALTER TABLE external_auth_links ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON external_auth_links USING (user_id = current_setting('app.user', true))",
    )
    async with role_of(linked) as dsn:
        await refused(dsn, "row-level security")


@pytest.mark.parametrize("made", [False, True], ids=["no tables", "empty tables"])
async def test_a_changed_search_path_is_refused(made, linked):
    """It leads to another, empty set of tables: nobody would be connected. The error names both schemas."""
    await run(linked, "CREATE SCHEMA other")
    mark = "&" if "?" in linked else "?"
    other = f"{linked}{mark}search_path=other"
    if made:
        async with open_store(other, schema="other"):
            pass
    await refused(other, "leads to other.* in the schema public hold")
    async with session(linked) as admin:
        assert await admin.fetchval("SELECT to_regclass('other.external_auth_links') IS NOT NULL") is made
        database = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"ALTER DATABASE {database} SET search_path = other")
    await refused(linked, "set the search_path back")


async def test_sets_of_tables_in_several_schemas(linked):
    """They are told apart by ``schema``; one that has held links is used without it, too."""
    await run(linked, "CREATE SCHEMA other")
    mark = "&" if "?" in linked else "?"
    other = f"{linked}{mark}search_path=other"
    await refused(linked, "are to be in the schema other, but", schema="other")
    async with open_store(other, schema="other") as store:
        assert await store.get(KEY) is None
        await store.put(KEY, TokenSet("other"))
    async with open_store(other) as store:
        await store.delete(KEY)
    async with open_store(other) as store:
        assert await store.get(KEY) is None
    async with open_store(linked) as store:
        assert (await store.get(KEY)).tokens == TOKENS


async def test_views_of_tables_elsewhere(linked):
    """What the names mean may be views, as those that an administrator makes in the application's schema."""
    await run(
        linked,
        "CREATE SCHEMA other",
        *(f"CREATE VIEW other.{table} AS TABLE public.{table}" for table in TABLES),
    )
    mark = "&" if "?" in linked else "?"
    async with open_store(f"{linked}{mark}search_path=other") as store:
        assert (await store.get(KEY)).version == 1


@pytest.fixture(scope="module")
def logical_server():
    """A server that can publish."""
    with own_postgres({"wal_level": "logical"}) as server:
        yield server


@asynccontextmanager
async def subscribed(server: Any) -> AsyncIterator[tuple[str, str]]:
    """Two databases, of which the second gets all that is written to the first."""
    async with (
        server.fresh_database() as publisher,
        server.fresh_database() as subscriber,
        session(publisher) as origin,
        session(subscriber) as copy,
    ):
        name, port = await origin.fetchval("SELECT current_database()"), urlsplit(server.dsn).port
        await origin.execute("CREATE PUBLICATION everything FOR ALL TABLES")
        await origin.execute("SELECT pg_create_logical_replication_slot(current_database(), 'pgoutput')")
        async with open_store(publisher) as store:
            await store.put(KEY, TOKENS)
        async with open_store(subscriber):
            pass
        await copy.execute("TRUNCATE external_auth_meta")
        await copy.execute(
            f"CREATE SUBSCRIPTION copy CONNECTION 'host=127.0.0.1 port={port} user=postgres dbname={name}'"
            f" PUBLICATION everything WITH (create_slot = false, slot_name = '{name}')"
        )
        try:
            yield publisher, subscriber
        finally:
            await copy.execute("ALTER SUBSCRIPTION copy DISABLE")
            await copy.execute("ALTER SUBSCRIPTION copy SET (slot_name = NONE)")
            await copy.execute("DROP SUBSCRIPTION copy")
            async with asyncio.timeout(30):
                while await origin.fetchval(
                    """SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots
                    WHERE slot_name = current_database() AND active"""
                ):
                    await asyncio.sleep(0.01)
            await origin.execute("SELECT pg_drop_replication_slot(current_database())")


async def test_a_logical_subscriber_is_no_store(logical_server):
    """It can be written to, but its claims exclude nobody. Its publisher is a store."""
    async with subscribed(logical_server) as (publisher, subscriber):
        await refused(subscriber, "external_auth_[a-z]+ is the target of a logical replication")
        async with open_store(publisher) as store:
            assert (await store.delete(KEY)).version == 1
        await run(subscriber, "ALTER SUBSCRIPTION copy DISABLE")
        async with open_store(subscriber) as store:  # it is the database from now on
            assert (await store.put(LinkKey("github", "bob"), TOKENS)).version >= 1
