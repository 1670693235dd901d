"""The schema is made once, by whoever comes first, and followed upwards."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import attrs
import pytest

from extauth.adapters.postgres import PostgresLinkStore, connections
from extauth.adapters.postgres.schema import MIGRATIONS, TABLES, migrate
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking_outcomes import Taken
from extauth.domain.outcomes import Recorded
from extauth.domain.token_set import TokenSet
from tests.adapters.postgres.whole_store import use_all_of
from tests.support.fourth_schema import OLD_PENDING
from tests.support.sixth_schema import OLD_REGISTRATION

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at-1", "rt-1")

OPEN_AND_PUT = """
import asyncio, sys
from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.link import LinkKey
from extauth.domain.token_set import TokenSet

async def main():
    async with PostgresLinkStore.open(sys.argv[1]) as store:
        await store.put(LinkKey("github", sys.argv[2]), TokenSet("at-1"))

asyncio.run(main())
"""


@asynccontextmanager
async def _session(dsn: str):
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
async def test_many_stores_may_start_at_once_on_an_empty_database(postgres_dsn, isolation, monkeypatch):
    """All of them succeed at once, whatever the database's default isolation, and share one schema."""
    monkeypatch.setattr(connections, "MOST_CONFLICTS", 0)
    async with _session(postgres_dsn) as session:
        database = await session.fetchval("SELECT current_database()")
        await session.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'")

    async def start(number: int) -> None:
        async with PostgresLinkStore.open(postgres_dsn) as store:
            assert await store.get(LinkKey("github", str(number))) is None

    await asyncio.gather(*map(start, range(8)))

    async with _session(postgres_dsn) as session:
        assert await session.fetchval("SELECT count(*) FROM external_auth_meta") == 1


async def test_many_processes_may_start_at_once_on_an_empty_database(postgres_dsn):
    """Replicas that were deployed together all come up."""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN_AND_PUT, postgres_dsn, str(number))
        for number in range(4)
    ]
    codes = [await process.wait() for process in processes]

    assert codes == [0] * 4
    async with _session(postgres_dsn) as session:
        assert await session.fetchval("SELECT count(*) FROM external_auth_links") == 4


@asynccontextmanager
async def _application_role(dsn: str, grants: str):
    """A role of its own that may do no more than it is granted, as a DSN."""
    async with _session(dsn) as owner:
        database = await owner.fetchval("SELECT current_database()")
        role = f"app_{database}"
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'app'")
        await owner.execute("REVOKE CREATE ON SCHEMA public FROM public")
        await owner.execute(grants.format(role=role))
        try:
            yield dsn.replace("://", f"://{role}:app@", 1).replace("app@postgres@", "app@", 1)
        finally:
            await owner.execute(f"DROP OWNED BY {role}")
            await owner.execute(f"DROP ROLE {role}")


async def test_a_current_schema_needs_no_right_to_change_it(postgres_dsn):
    """An application's role that may read and write the tables can use what another role has made."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    grants = ";".join(f"GRANT {', '.join(rights)} ON {table} TO {{role}}" for table, rights in TABLES.items())
    async with (
        _application_role(postgres_dsn, grants) as dsn,
        PostgresLinkStore.open(dsn) as store,
    ):
        await use_all_of(store)


async def test_a_current_schema_takes_no_lock(postgres_dsn):
    """A store opens while another session holds the lock for changing the schema."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    async with _session(postgres_dsn) as session, session.transaction():
        await session.execute("LOCK TABLE external_auth_links IN ROW EXCLUSIVE MODE")
        await session.execute("SELECT pg_advisory_xact_lock(7306583426011583844)")
        async with PostgresLinkStore.open(postgres_dsn) as store:
            assert await store.get(KEY) is None


async def test_missing_rights_are_a_matter_of_configuration(postgres_dsn):
    """A role that may make no tables, where there are none, cannot wait for better times."""
    async with _application_role(postgres_dsn, "GRANT USAGE ON SCHEMA public TO {role}") as dsn:
        with pytest.raises(ConfigurationError, match="role may not") as caught:
            async with PostgresLinkStore.open(dsn):
                raise AssertionError

    assert isinstance(caught.value.__cause__, asyncpg.InsufficientPrivilegeError)


async def test_a_newer_schema_is_refused(postgres_dsn):
    """A store does not touch tables that a later version has changed, and says what to do."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    async with _session(postgres_dsn) as session:
        await session.execute("UPDATE external_auth_meta SET schema_version = 99")

    with pytest.raises(ConfigurationError, match="upgrade extauth"):
        async with PostgresLinkStore.open(postgres_dsn):
            raise AssertionError


async def test_a_newer_version_changes_the_schema_once_and_keeps_the_links(postgres_dsn):
    """Of several that bring a second version, one runs it; links stay, and old versions notice."""
    second = ("ALTER TABLE external_auth_links ADD COLUMN made_up integer",)
    async with asyncpg.create_pool(postgres_dsn, min_size=4, max_size=4) as pool:
        async with PostgresLinkStore(pool) as store:
            link = await store.put(KEY, TOKENS)

            async def upgrade() -> None:
                async with pool.acquire() as connection:
                    await migrate(connection, (*MIGRATIONS, second))

            await asyncio.gather(*(upgrade() for _ in range(4)))

            assert link == await store.get(KEY)
        with pytest.raises(ConfigurationError, match=f"schema version {len(MIGRATIONS) + 1}"):
            await PostgresLinkStore(pool).__aenter__()


async def test_links_of_the_first_schema_stay(postgres_dsn):
    """A database of schema version 1 gets what later versions keep, beside its links and their marks."""
    async with _session(postgres_dsn) as session:
        await migrate(session, MIGRATIONS[:1])
        await session.execute("UPDATE external_auth_meta SET retired_version = 6")
        await session.execute(
            """INSERT INTO external_auth_links VALUES ('github', 'alice', 7, to_timestamp(1), to_timestamp(2),
            'at', 'k1', 'rt', 'k2', to_timestamp(3), to_timestamp(2.5), '["a"]', 'Bearer', '{"team": 1}',
            'client', 'https://as/token', 'invalid_grant', to_timestamp(4), 7, NULL, 2,
            'owner', to_timestamp(5), to_timestamp(6), NULL)"""
        )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tokens = TokenSet(
        "at",
        "rt",
        epoch + timedelta(seconds=3),
        {"a"},
        extra={"team": 1},
        access_token_key_id="k1",
        refresh_token_key_id="k2",
        issued_at=epoch + timedelta(seconds=2.5),
    )
    link = Link(
        KEY,
        tokens,
        7,
        epoch + timedelta(seconds=1),
        epoch + timedelta(seconds=2),
        RefreshFailure("invalid_grant", epoch + timedelta(seconds=4), 7, attempts=2),
        GrantOrigin("client", "https://as/token"),
        PendingExchange(epoch + timedelta(seconds=5), live=False),
    )
    async with PostgresLinkStore.open(postgres_dsn) as store:
        assert await store.get(KEY) == link
        recorded = await store.record_account(KEY, 7, Account("1"))
        assert recorded == Recorded(attrs.evolve(link, account=Account("1")))
        assert await store.purge_authorizations() == 0
        assert await store.registration("name") is None
        assert (await store.put(LinkKey("github", "bob"), TOKENS)).version == 7


async def test_authorizations_of_the_fourth_schema_stay(postgres_dsn):
    """What was begun before an upgrade can be completed after it; nothing was noted of what was sent."""
    async with _session(postgres_dsn) as session:
        await migrate(session, MIGRATIONS[:4])
        await session.execute(
            """INSERT INTO external_auth_authorizations VALUES ('hash', 'github', 'alice', 'https://app.example/',
            'salt', '["a"]', '["r"]', clock_timestamp() + interval '1 hour', NULL)"""
        )
    async with PostgresLinkStore.open(postgres_dsn) as store:
        assert await store.take_authorization("hash") == Taken(OLD_PENDING)


async def test_registrations_of_the_sixth_schema_stay(postgres_dsn):
    """Of what they were registered for nothing was noted."""
    async with _session(postgres_dsn) as session:
        await migrate(session, MIGRATIONS[:6])
        await session.execute(
            """INSERT INTO external_auth_registrations VALUES
            ('name', 'https://as', 'client', NULL, NULL, 'none', '["https://app/"]', NULL, NULL)"""
        )
    async with PostgresLinkStore.open(postgres_dsn) as store:
        assert await store.registration("name") == OLD_REGISTRATION


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(postgres_dsn):
    """All statements of all versions are one transaction."""
    broken = ("CREATE TABLE made_up (a integer)", "CREATE TABLE made_up (a integer)")
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1) as pool:
        async with PostgresLinkStore(pool):
            pass
        async with pool.acquire() as connection:
            with pytest.raises(asyncpg.DuplicateTableError):
                await migrate(connection, (*MIGRATIONS, broken))

            assert await connection.fetchval("SELECT to_regclass('made_up') IS NULL")
        async with PostgresLinkStore(pool) as store:
            assert await store.get(KEY) is None


async def test_a_database_that_keeps_no_unicode_is_refused(postgres_server):
    """User ids and tokens are Unicode; a database of bytes would compare and count them otherwise."""
    options = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    async with postgres_server.fresh_database(options) as dsn:
        with pytest.raises(ConfigurationError, match="UTF8, not SQL_ASCII"):
            async with PostgresLinkStore.open(dsn):
                raise AssertionError


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://alice:pass-1/word@127.0.0.1:5432/db",
        "postgresql://alice:pass-1@127.0.0.1:port/db",
        "mysql://alice:pass-1@127.0.0.1/db",
        "postgresql://alice:pass-1@127.0.0.1/db?sslmode=pass-1",
    ],
)
async def test_an_invalid_dsn_is_a_matter_of_configuration(dsn):
    """The message does not repeat the DSN: a password may be in it."""
    with pytest.raises(ConfigurationError, match="not valid") as caught:
        async with PostgresLinkStore.open(dsn):
            raise AssertionError

    assert "pass-1" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("channel_binding=prefer", "channel_binding"),
        ("connect_timeout=10", "connect_timeout"),
        ("pgbouncer=true", "pgbouncer"),
        ("pass-1=x", "has an option that"),
    ],
)
async def test_an_option_of_another_driver_is_a_matter_of_configuration(query, named, postgres_dsn):
    """It is named, not tried again for ever; what may be part of a password is not."""
    mark = "&" if "?" in postgres_dsn else "?"
    with pytest.raises(ConfigurationError, match="remove it") as caught:
        async with PostgresLinkStore.open(f"{postgres_dsn}{mark}{query}"):
            raise AssertionError

    assert named in str(caught.value)
    assert "pass-1" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_server_that_does_not_answer_is_unavailable():
    """Nobody listens there; the driver's error says so."""
    with pytest.raises(StoreUnavailable) as caught:
        async with PostgresLinkStore.open("postgresql://postgres@127.0.0.1:1/nothing?sslmode=disable"):
            raise AssertionError

    assert isinstance(caught.value.__cause__, OSError)
