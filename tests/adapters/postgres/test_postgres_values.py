"""What Postgres keeps must come back as it was given."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, statements
from extauth.domain.at_a_glance import written_at
from extauth.domain.due import Due, DueBy
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.outcomes import Claimed, Held
from extauth.domain.partly_read import unread_of
from extauth.domain.token_set import TokenSet
from tests.servers.row_lock import locked

KEY = LinkKey("github", "alice")
SOME_DAY = datetime(2030, 7, 1, tzinfo=UTC)
FAR = timezone(timedelta(hours=-13))


@pytest.mark.parametrize(
    "instant",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=UTC),
        datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2030, 7, 1, 12, 30, 15, 123456, tzinfo=FAR),
    ],
)
async def test_instants_come_back_to_the_microsecond(postgres_dsn, instant):
    """The first and the last datetime, which Postgres keeps as infinities, included."""
    tokens = TokenSet("at-1", "rt-1", expires_at=instant, issued_at=instant)
    failure = RefreshFailure("busy", instant, 1, retry_at=instant)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        link = await store.put(KEY, tokens)
        await store.record_failure(KEY, 1, failure)
        marked = await store.get(KEY)

    assert tokens == link.tokens
    assert marked is not None
    assert failure == marked.failure


async def test_instants_are_told_at_a_glance(postgres_dsn):
    """In whole microseconds since 1970, of links that were read and have not been looked at otherwise."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TokenSet("at-1", "rt-1", expires_at=SOME_DAY))
        link = await store.get(KEY)
        assert unread_of(link.tokens).micros("expires_at") == SOME_DAY.timestamp() * 1_000_000
        seen = written_at(link)
        assert seen == (link.updated_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


async def test_a_lease_of_days_is_days_long_in_every_time_zone(postgres_server):
    """A day of a lease has 24 hours, even where the session's clock is put forward meanwhile."""
    async with postgres_server.fresh_database() as dsn:
        connection = await asyncpg.connect(dsn)
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {database} SET timezone = 'Europe/Berlin'")
        await connection.close()
        async with PostgresLinkStore.open(dsn) as store:
            await store.put(KEY, TokenSet("at-1", "rt-1"))
            # A year and a half has an odd number of changes of the clock.
            claimed = await store.claim(KEY, 1, "one", timedelta(days=548))
            held = await store.claim(KEY, 1, "two", timedelta(days=1))
            second = await store._connections.read(
                "SELECT lease_expires_at - lease_taken_at FROM external_auth_links"
            )

    assert isinstance(claimed, Claimed)
    assert isinstance(held, Held)
    assert timedelta(days=548) >= held.remaining
    assert timedelta(days=548) <= second[0][0] < timedelta(days=548, minutes=10)


async def test_a_lease_runs_from_when_its_row_was_free(postgres_dsn):
    """What a claim has waited for another writer is not taken off its lease."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TokenSet("at-1", "rt-1"))
        async with locked(postgres_dsn) as gate:
            await gate.connection.execute("UPDATE external_auth_links SET oauth_extra = oauth_extra")
            claim = asyncio.create_task(store.claim(KEY, 1, "one", timedelta(minutes=1)))
            await gate.awaited(1)
            waited_until = await gate.connection.fetchval("SELECT clock_timestamp()")
        await claim
        (lease,) = await store._connections.read(
            "SELECT lease_taken_at, lease_expires_at FROM external_auth_links"
        )

    assert lease["lease_taken_at"] > waited_until
    assert lease["lease_expires_at"] > waited_until + timedelta(minutes=1)


async def test_order_is_by_code_point(postgres_dsn):
    """Capitals come before small letters and umlauts after both, as in every other store, whatever the
    database collates by: the columns say so themselves."""
    ids = ["zoe", "Zoe", "émile", "emile", "Emile", "\U0001f600", "\uffff", "a b", "a-b", "a_b"]
    async with PostgresLinkStore.open(postgres_dsn) as store:
        for name in ids:
            await store.put(LinkKey("github", name), TokenSet("at-1", "rt-1", expires_at=SOME_DAY))
            await store.put(LinkKey(name, "alice"), TokenSet("at-1", "rt-1"))
        later = SOME_DAY + timedelta(days=1)
        first = await store.due("github", DueBy.EXPIRY, later, limit=4)
        rest = await store.due("github", DueBy.EXPIRY, later, after=first[-1])
        mine = await store.links_of("alice")
        collations = await store._connections.read(
            "SELECT collation_name FROM information_schema.columns"
            " WHERE table_name = 'external_auth_links' AND column_name IN ('provider_id', 'user_id')"
        )

    assert [row[0] for row in collations] == ["C", "C"]
    assert sorted(ids) == [due.key.user_id for due in first + rest]
    assert sorted(ids) == [link.key.provider_id for link in mine]


async def test_lifting_marks_walks_along_the_primary_key(postgres_dsn):
    """Of the index of marked links: those of the provider, and those that are named below it."""
    async with PostgresLinkStore.open(postgres_dsn):
        connection = await asyncpg.connect(postgres_dsn)
        try:
            await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
            await connection.execute(f"PREPARE lift AS {statements.LIFT_FAILURE}")
            plan = await connection.fetch(
                "EXPLAIN EXECUTE lift ('github', 'github/', 'github0', NULL, NULL, NULL)"
            )
        finally:
            await connection.close()

    text = "\n".join(row[0] for row in plan)
    assert text.count("Bitmap Index Scan on external_auth_links_marked") == 2
    assert "Seq Scan" not in text


async def test_an_end_that_is_infinite_can_be_saved(postgres_dsn):
    """The last instant is written as infinity, of which there is no half: such a link is due by age."""
    last = datetime.max.replace(tzinfo=UTC)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        link = await store.put(KEY, TokenSet("at", "rt", expires_at=last, refresh_token_expires_at=last))
        assert await store.due("github", DueBy.HALF_LIFE, last) == []
        assert await store.due("github", DueBy.AGE, last) == [Due(link.updated_at, KEY)]
