"""The schema and the rights as SQL, and which version a database has."""

from __future__ import annotations

import asyncpg
import pytest

from extauth import ConfigurationError, StoreUnavailable
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.ddl import NEWEST, ddl, grants, quoted, stored_version
from extauth.adapters.postgres.schema import META_TABLE, MIGRATIONS, TABLES
from extauth.domain.hidden import Hidden
from tests.adapters.postgres.whole_store import use_all_of
from tests.servers.transaction_pooler import transaction_pooler
from tests.support.postgres_admin import session

SCHEMA = """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
GRANTED = "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = $1"
TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"


async def schema_of(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return what Postgres says of it."""
    return [row for sql in (SCHEMA, INDEXES, TRIGGERS) for row in await connection.fetch(sql)]


@pytest.mark.parametrize("since", [0, 1, NEWEST - 1])
async def test_it_is_a_stores_from_any_version_on(postgres_server, since):
    """All of it in one transaction, under the lock that a store takes for it."""
    async with postgres_server.fresh_database() as dsn, session(dsn) as connection:
        for statement in META_TABLE if since else ():
            await connection.execute(statement)
        for statement in [each for part in MIGRATIONS[:since] for each in part]:
            await connection.execute(statement)
        states, locks = [], []
        for statement in ddl(since):
            await connection.execute(statement)
            states.append(connection.is_in_transaction())
            locks.append(
                await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            )
        assert states == [*[True] * (len(states) - 1), False]
        assert locks == [0, *[1] * (len(locks) - 2), 0]
        assert await stored_version(Hidden(dsn)) == NEWEST
        assert (await connection.fetchval("SELECT schema_version FROM external_auth_meta")) == NEWEST
        made = await schema_of(connection)
    async with postgres_server.fresh_database() as other, session(other) as connection:
        async with PostgresLinkStore.open(other):
            pass
        assert made == await schema_of(connection)
    assert (ddl() == ddl(0), ddl(NEWEST)) == (True, ())


@pytest.mark.parametrize("since", [-1, NEWEST + 1])
def test_no_other_version_is_known(since):
    """The error names those that are."""
    with pytest.raises(ValueError, match=f"0 to {NEWEST} of the schema, not {since}"):
        ddl(since)


async def test_the_rights_are_what_a_store_needs(postgres_dsn):
    """And nothing else, for a role with any name."""
    role = 'App "of" canary'
    async with session(postgres_dsn) as owner:
        async with PostgresLinkStore.open(postgres_dsn):
            pass
        await owner.execute(f"CREATE ROLE {quoted(role)} LOGIN")
        try:
            for statement in grants(role):
                await owner.execute(statement)
            granted = await owner.fetch(GRANTED, role)
            async with (
                asyncpg.create_pool(postgres_dsn, user=role, min_size=0, max_size=2) as pool,
                PostgresLinkStore(pool) as store,
            ):
                await use_all_of(store)
        finally:
            await owner.execute(f"DROP OWNED BY {quoted(role)}; DROP ROLE {quoted(role)}")
    assert {*map(tuple, granted)} == {(table, right) for table, rights in TABLES.items() for right in rights}


async def test_what_a_database_has(postgres_server):
    """Nothing of ours, a table with no row, a version; looking changes nothing."""
    async with postgres_server.fresh_database() as dsn, session(dsn) as connection:
        assert await stored_version(Hidden(dsn)) == 0
        assert await schema_of(connection) == []
        await connection.execute(META_TABLE[0])
        assert await stored_version(Hidden(dsn)) == 0
        await connection.execute("INSERT INTO external_auth_meta VALUES (3)")
        assert await stored_version(Hidden(dsn)) == 3
        async with transaction_pooler(dsn) as (_, pooled):
            assert await stored_version(Hidden(pooled)) == 3


async def test_a_server_that_cannot_be_asked(postgres_server):
    """What waiting may mend is told from what somebody must."""
    with pytest.raises(StoreUnavailable):
        await stored_version(Hidden("postgresql://user@127.0.0.1:1/none"))
    with pytest.raises(ConfigurationError, match="no such database"):
        await stored_version(Hidden(postgres_server.dsn_of("none")))
