"""What is wrong with a deployment, and stays so until somebody mends it, is said when the store is opened."""

from __future__ import annotations

import traceback
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.schema import TABLES
from extauth.adapters.postgres.sqlstates import permanent
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey
from tests.adapters.postgres.whole_store import KEY, TOKENS, use_all_of
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres_server import OwnPostgresServer, own_postgres

PASSWORD = "right-secret"
HBA = """host all app 127.0.0.1/32 scram-sha-256
host all stranger 127.0.0.1/32 reject
host all,replication postgres 127.0.0.1/32 trust
host all nobody 127.0.0.1/32 trust
"""


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("password authentication failed", "refuses the user with this password"),
        ("no such user: app", "refuses the user with this password"),
        ("no such database: links", "no such database"),
        ('database "links" does not exist', "no such database"),
        ("unsupported startup parameter: search_path", "value that the server, or the pooler"),
        ("server login has been failing, cached error: connect failed", None),
    ],
)
def test_what_a_pooler_says_is_told_by_its_text(said, problem):
    """It has one SQLSTATE for what somebody must mend and for what passes."""
    found = permanent(asyncpg.ProtocolViolationError(said))
    assert found is None if problem is None else problem in found


async def said_at_opening(dsn: str) -> str:
    """Return the error, and see that nothing in it shows the password or who may try it again."""
    with pytest.raises(ConfigurationError) as caught:
        async with PostgresLinkStore.open(dsn):
            raise AssertionError
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@pytest.fixture(scope="module")
def guarded() -> Generator[OwnPostgresServer, None, None]:
    """A server that asks for passwords, with a standby's rights for its superuser."""
    with own_postgres(hba=HBA) as server:
        yield server


@asynccontextmanager
async def application(server: OwnPostgresServer) -> AsyncGenerator[tuple[asyncpg.Connection, str]]:
    """The owner's session in a database with extauth's tables, and the DSN of a role that may use them."""
    async with server.fresh_database() as dsn:
        async with PostgresLinkStore.open(dsn):
            pass
        owner = await asyncpg.connect(dsn)
        try:
            await owner.execute(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'")
            for table, rights in TABLES.items():
                await owner.execute(f"GRANT {', '.join(rights)} ON {table} TO app")
            yield owner, dsn.replace("postgres@", f"app:{PASSWORD}@", 1)
        finally:
            await owner.execute("DROP OWNED BY app; DROP ROLE app")
            await owner.close()


async def test_a_role_with_the_rights_that_are_asked_for_can_do_everything(guarded):
    """No right more is needed, and none less is enough: see below."""
    async with application(guarded) as (_, dsn), PostgresLinkStore.open(dsn) as store:
        await use_all_of(store)


@pytest.mark.parametrize(
    ("was", "wrong", "says"),
    [
        (f":{PASSWORD}@", ":wrong-secret@", "refuses the user with this password"),
        ("app:", "stranger:", "there is no such role, it may not log in, or pg_hba.conf has no line"),
        ("app:", "nobody:", "there is no such role"),
        ("/extauth_test", "/missing_extauth_test", "no such database"),
        ("sslmode=disable", "sslmode=disable&statement_timeout=soon", "value that the server"),
        ("sslmode=disable", "sslmode=disable&port_of_call=1", "neither asyncpg nor the server knows"),
        ("sslmode=disable", "sslmode=disable&default_transaction_read_only=on", "session is read-only"),
        ("sslmode=disable", "sslmode=disable&max_connections=5", "value that the server"),
        ("sslmode=disable", "sslmode=disable&options=endpoint%3Dep-1", "value that the server"),
        ("sslmode=disable", "sslmode=disable&target_session_attrs=standby", "but the store writes"),
    ],
)
async def test_an_address_that_is_wrong(guarded, was, wrong, says):
    """Whatever is wrong with it, it is no matter of time."""
    async with application(guarded) as (_, dsn):
        assert says in await said_at_opening(dsn.replace(was, wrong, 1))


async def test_a_database_that_takes_no_connections(guarded):
    """Somebody has closed it, and must open it."""
    async with guarded.fresh_database() as closed, guarded.fresh_database() as other:
        owner, name = await asyncpg.connect(other), closed.rpartition("/")[2].partition("?")[0]
        try:
            await owner.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            assert "accepts no connections" in await said_at_opening(closed)
            await owner.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        finally:
            await owner.close()


@pytest.mark.parametrize(
    ("table", "right"), [(table, right) for table, rights in TABLES.items() for right in rights]
)
async def test_each_right_on_each_table_is_needed(guarded, table, right):
    """It is named, or the table that cannot even be looked at is."""
    async with application(guarded) as (owner, dsn):
        await owner.execute(f"REVOKE {right} ON {table} FROM app")
        said = await said_at_opening(dsn)

    assert f"{right} on {table}" in said or (table, right) == ("external_auth_meta", "SELECT")


async def test_rights_on_columns_are_enough(guarded):
    """A role that may write each column of a table may write the table."""
    async with application(guarded) as (owner, dsn):
        columns = await owner.fetchval(
            "SELECT string_agg(attname, ', ') FROM pg_attribute"
            " WHERE attrelid = 'external_auth_registrations'::regclass AND attnum > 0"
        )
        await owner.execute("REVOKE INSERT, UPDATE ON external_auth_registrations FROM app")
        await owner.execute(
            f"GRANT INSERT ({columns}), UPDATE ({columns}) ON external_auth_registrations TO app"
        )
        async with PostgresLinkStore.open(dsn) as store:
            await use_all_of(store)


async def test_a_role_without_the_schema(guarded):
    """Tables that it may use, in a schema that it may not, are none; it cannot make others."""
    async with application(guarded) as (owner, dsn):
        await owner.execute("REVOKE USAGE ON SCHEMA public FROM public")
        assert "grant it USAGE" in await said_at_opening(dsn)


async def test_a_table_that_is_gone(guarded):
    """It was left out of a copy: the store does not wait for it."""
    async with application(guarded) as (owner, dsn):
        await owner.execute("DROP TABLE external_auth_registrations")
        assert "has no table external_auth_registrations" in await said_at_opening(dsn)


@pytest.mark.parametrize("whom", ["ROLE app", "DATABASE {database}"])
@pytest.mark.parametrize("empty", [False, True])
async def test_a_session_that_may_only_read(guarded, whom, empty):
    """Whether there are tables already or not; a role's setting is not a failover."""
    async with application(guarded) as (owner, dsn):
        database = await owner.fetchval("SELECT current_database()")
        if empty:
            await owner.execute(f"DROP TABLE {', '.join(TABLES)}")
            await owner.execute("GRANT CREATE ON SCHEMA public TO app")
        setting = f"ALTER {whom} SET default_transaction_read_only"
        await owner.execute(f"{setting} = on".format(database=database))
        assert "default_transaction_read_only" in await said_at_opening(dsn)


async def test_a_standby_may_be_promoted(guarded):
    """To open a store on one fails, not as a mistake but for now, and says whose address is wanted."""
    async with guarded.fresh_database() as dsn:
        async with PostgresLinkStore.open(dsn) as store:
            await store.put(KEY, TOKENS)
        with own_postgres(standby_of=guarded) as standby:
            there = standby.dsn_of(dsn.rpartition("/")[2].partition("?")[0])
            with pytest.raises(StoreUnavailable, match="is a standby"):
                await PostgresLinkStore.open(there).__aenter__()
            await _promote(standby)
            async with PostgresLinkStore.open(there) as store:
                assert await store.get(KEY) is not None
                await store.put(LinkKey("github", "bob"), TOKENS)


async def _promote(standby: OwnPostgresServer) -> None:
    connection = await asyncpg.connect(standby.dsn)
    assert await connection.fetchval("SELECT pg_promote()")
    await connection.close()


@pytest.mark.pgbouncer
@pytest.mark.parametrize(
    ("was", "wrong", "says"),
    [
        (f":{PASSWORD}@", ":wrong-secret@", "refuses the user with this password"),
        ("app:", "stranger:", "refuses the user with this password"),
        ("/extauth_test", "/missing_extauth_test", "no such database"),
        ("sslmode=disable", "sslmode=disable&statement_timeout=5", "value that the server, or the pooler"),
    ],
)
async def test_what_pgbouncer_refuses(guarded, was, wrong, says):
    """It has one SQLSTATE for all of that, and for what passes."""
    async with application(guarded) as (_, dsn), pgbouncer(dsn, pool_size=2, auth_type="md5") as pooled:
        async with PostgresLinkStore.open(pooled) as store:
            await store.put(KEY, TOKENS)
        assert says in await said_at_opening(pooled.replace(was, wrong, 1))


@pytest.mark.pgbouncer
async def test_a_server_that_pgbouncer_does_not_reach_is_no_mistake():
    """It will be back."""
    nowhere = f"postgresql://app:{PASSWORD}@127.0.0.1:1/links?sslmode=disable"
    async with pgbouncer(nowhere, pool_size=2, auth_type="md5", query_wait_timeout=1) as pooled:
        with pytest.raises(StoreUnavailable):
            await PostgresLinkStore.open(pooled).__aenter__()


@pytest.mark.parametrize(
    ("module", "name", "error"),
    [
        ("pwd", "getpwuid", KeyError("getpwuid(): uid not found: 1000680000")),  # Python 3.11
        ("getpass", "getuser", OSError("No username set in the environment")),  # from 3.13 on
    ],
)
async def test_an_address_and_a_process_without_a_user(monkeypatch, module, name, error):
    """Where a platform chooses the user of a container, whose name asyncpg would take, that one has none."""

    def nameless(*_: object) -> str:
        raise error

    for variable in ("PGUSER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(f"{module}.{name}", nameless)
    assert "names no user" in await said_at_opening("postgresql://127.0.0.1:1/links")
