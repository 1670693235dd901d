"""What is to be known of a Postgres server and of the way to it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import ConfigurationError, StoreUnavailable
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.facts import Standby, postgres_facts
from extauth.domain.hidden import Hidden
from tests.servers.postgres_server import own_postgres
from tests.servers.transaction_pooler import transaction_pooler
from tests.support.postgres_admin import role_of, session


@pytest.fixture
async def dsn(postgres_dsn):
    """A database with the schema."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    return postgres_dsn


async def test_the_owner_on_the_same_machine(dsn):
    """What the server says of itself is what any session finds there."""
    found = await postgres_facts(Hidden(dsn))
    async with session(dsn) as connection:
        settings = {name: await connection.fetchval(f"SHOW {name}") for name in found.settings}
        tls = await connection.fetchval("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert dict(found.settings) == settings
    assert {"fsync", "synchronous_commit", "server_version", "log_statement"} <= set(settings)
    assert (found.standbys, found.in_recovery, found.pooled) == ([], False, False)
    assert (found.tls, found.local, found.missing_rights) == (tls, True, [])
    assert (found.superuser, found.owner, found.may_create) == (True, True, True)
    # One machine, one clock: as near as a round trip lets anybody say.
    assert abs(found.clock_ahead) <= found.clock_doubt < timedelta(seconds=10)


async def test_a_role_that_may_do_little(dsn):
    """Each right that is missing is named, of each table."""
    async with role_of(dsn) as limited, session(dsn) as owner:
        role = await owner.fetchval("SELECT 'app_' || current_database()")
        await owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await owner.execute(f"REVOKE ALL ON external_auth_audit FROM {role}")
        await owner.execute(f"REVOKE DELETE ON external_auth_links FROM {role}")
        found = await postgres_facts(Hidden(limited))
        await owner.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        may_create = (await postgres_facts(Hidden(limited))).may_create
    assert sorted(found.missing_rights) == [
        "DELETE on external_auth_links",
        "INSERT on external_auth_audit",
        "SELECT on external_auth_audit",
    ]
    assert (found.superuser, found.owner, found.may_create, may_create) == (False, False, False, True)


async def test_a_pooler_is_seen(dsn):
    """Though it gives each transaction a server of its own, which has an id like any other."""
    async with transaction_pooler(dsn) as (_, pooled):
        assert (await postgres_facts(Hidden(pooled))).pooled


async def test_what_replicates(dsn):
    """A standby by its name and how it follows, which not every role may see."""
    with own_postgres() as primary:
        async with PostgresLinkStore.open(primary.dsn):
            pass
        async with role_of(primary.dsn) as limited, session(primary.dsn) as owner:
            with own_postgres(standby_of=primary) as standby:
                while not await owner.fetchval("SELECT count(sync_state) FROM pg_stat_replication"):
                    await asyncio.sleep(0.02)
                name = await owner.fetchval("SELECT application_name FROM pg_stat_replication")
                seen = await postgres_facts(Hidden(primary.dsn))
                unseen = await postgres_facts(Hidden(limited))
                behind = await postgres_facts(Hidden(standby.dsn))
    assert (seen.standbys, seen.in_recovery) == ([Standby(name, "async")], False)
    assert unseen.standbys == [Standby(name, None)]
    assert (behind.standbys, behind.in_recovery) == ([], True)


async def test_a_server_that_cannot_be_reached():
    """And an address that is none."""
    with pytest.raises(StoreUnavailable):
        await postgres_facts(Hidden("postgresql://user@127.0.0.1:1/none"))
    with pytest.raises(ConfigurationError):
        await postgres_facts(Hidden("postgresql://user@127.0.0.1:port/none"))
