"""Which history a database has, as Postgres says it."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.history import tells_history
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Claimed
from tests.adapters.postgres.failing_over import until_it_works
from tests.adapters.postgres.whole_store import KEY, TOKENS
from tests.servers.postgres_server import own_postgres
from tests.support.postgres_admin import role_of, run

MINUTE = timedelta(minutes=1)


async def claimed(store) -> Claimed:
    """Put a link and claim it."""
    link = await store.put(KEY, TOKENS)
    claim = await store.claim(KEY, link.version, "owner", MINUTE)
    assert isinstance(claim, Claimed)
    return claim


async def test_a_history_is_accepted(postgres_dsn):
    """By any role that may use the tables; a claim is told the timeline of it."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    async with role_of(postgres_dsn) as dsn, PostgresLinkStore.open(dsn) as store:
        seen = await store.history.look()
        assert seen.accepted is None
        await store.history.accept(seen)
        await store.history.accept(seen)
        assert (await store.history.look()).accepted == seen.current
        assert (await claimed(store)).history == seen.told == "00000001"


async def test_one_that_is_over_is_not_accepted(postgres_dsn):
    """Another one has begun since it was looked at."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        seen = await store.history.look()
        await store.history.accept(attrs.evolve(seen, current="another/00000001"))
        assert (await store.history.look()).accepted is None


async def test_links_are_held_until_somebody_agrees(postgres_dsn):
    """Of every provider; when it was found out is remembered until then."""
    keys = [LinkKey(provider, "alice") for provider in ("GitHub", "gitlab")]
    async with PostgresLinkStore.open(postgres_dsn) as store:
        for key in keys:
            await store.put(key, TOKENS)
        seen = await store.history.look()
        assert await store.history.restored(seen) == 2
        found = await store.history.look()
        assert (found.accepted, found.restored_at) == (seen.current, seen.at)
        assert (await store.history.hold(await store.time() + MINUTE)).held == 2
        assert [(await store.get(key)).failure.reason for key in keys] == ["doubtful"] * 2
        await store.history.agree()
        assert (await store.history.look()).restored_at is None


async def test_a_row_that_is_missing_says_nothing(postgres_dsn):
    """As after a TRUNCATE, until a write puts it back."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await run(postgres_dsn, "DELETE FROM external_auth_meta")
        assert await store.history.look() is None


async def test_a_promotion_begins_another():
    """The row that says which one was accepted is the standby's as well."""
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        async with PostgresLinkStore.open(primary.dsn) as store:
            before = await store.history.look()
            await store.history.accept(before)
            await run(primary.dsn, "SELECT pg_switch_wal()")
        primary.stop("immediate")
        await run(standby.dsn, "SELECT pg_promote()")
        opening = PostgresLinkStore.open(standby.dsn)
        store = await until_it_works(opening.__aenter__)
        after = await store.history.look()
        assert after.accepted in {before.current, None}  # as far as it had received
        assert after.current.split("/")[0] == before.current.split("/")[0]
        assert (await claimed(store)).history == after.told == "00000002"
        await opening.__aexit__(None, None, None)


async def test_a_server_that_does_not_say(postgres_dsn, monkeypatch):
    """Links are claimed all the same."""

    async def silent(_: object) -> bool:
        return False

    monkeypatch.setattr("extauth.adapters.postgres.preparing.tells_history", silent)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        assert await store.history.look() is None
        assert (await claimed(store)).history is None


@pytest.mark.parametrize("may", [True, False])
async def test_a_server_without_the_function(postgres_dsn, may):
    """It is found out when the store is opened."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        connection = await store._pool.acquire()
        if not may:
            await connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
            await connection.execute("CREATE ROLE few_rights; SET ROLE few_rights")
        try:
            assert await tells_history(connection) is may
        finally:
            await connection.execute("RESET ROLE; DROP ROLE IF EXISTS few_rights")
            await store._pool.release(connection)
