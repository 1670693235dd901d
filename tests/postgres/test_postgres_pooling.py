"""Behind a pooler in transaction mode each transaction may run on another server connection."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.outcomes import Claimed, Held, Recorded, Resealed, Saved, Stale
from extauth.domain.token_set import TokenSet
from tests.servers.pgbouncer import pgbouncer
from tests.servers.row_lock import locked
from tests.servers.transaction_pooler import transaction_pooler

KEY = LinkKey("github", "alice")
OTHER = LinkKey("github", "bob")
TOKENS = TokenSet("at-1", "rt-1")
FAILURE = RefreshFailure("invalid_grant", datetime(2030, 1, 1, tzinfo=UTC), 1)


async def _use_all_of(store: PostgresLinkStore) -> None:
    """Call every method, most more than once, so that each runs on several server connections."""
    for _ in range(3):
        link = await store.put(KEY, TOKENS)
        version = link.version
        failure = RefreshFailure("invalid_grant", FAILURE.at, version)
        assert link == await store.get(KEY)
        assert [link] == await store.links_of("alice")
        assert isinstance(await store.claim(KEY, version, "one", timedelta(minutes=5)), Claimed)
        assert isinstance(await store.claim(KEY, version, "two", timedelta(minutes=5)), Held)
        assert isinstance(await store.record_failure(KEY, version, failure), Recorded)
        assert await store.lift_failure("github") == 1
        assert isinstance(await store.reseal(KEY, version, TokenSet("at-2")), Resealed)
        assert await store.release(KEY, version, "one")
        assert await store.wait_for_change(KEY, version, timedelta(minutes=5)) is not None
        now = datetime.now(UTC) + timedelta(days=1)
        await store.due("github", expiring_before=now, unused_since=now)
        assert isinstance(await store.save(KEY, version, TOKENS), Saved)
        assert isinstance(await store.save(KEY, version, TOKENS), Stale)
        links = await asyncio.gather(*(store.get(key) for key in (KEY, OTHER) * 5))
        assert [version + 1, None] * 5 == [link and link.version for link in links]
        assert await store.delete(KEY) is not None


async def test_a_store_works_behind_a_transaction_pooler(postgres_dsn):
    """With a pool of its own, of which no connection may carry anything between transactions."""
    async with (
        transaction_pooler(postgres_dsn) as (pooler, dsn),
        PostgresLinkStore.open(dsn, transaction_pooling=True) as store,
    ):
        await _use_all_of(store)
        assert pooler.transactions > 40


async def test_a_given_pool_works_behind_a_transaction_pooler(postgres_dsn):
    """The application made its pool without a statement cache."""
    async with (
        transaction_pooler(postgres_dsn) as (_, dsn),
        asyncpg.create_pool(dsn, min_size=1, max_size=2, statement_cache_size=0) as pool,
        PostgresLinkStore(pool, transaction_pooling=True) as store,
    ):
        await _use_all_of(store)


async def test_without_the_option_a_transaction_pooler_breaks_a_store(postgres_dsn):
    """The pooler of these tests has teeth, and the error says what to do."""
    async with transaction_pooler(postgres_dsn) as (_, dsn), PostgresLinkStore.open(dsn) as store:
        with pytest.raises(StoreUnavailable, match="transaction_pooling=True"):
            await _use_all_of(store)


async def test_a_given_pool_with_a_statement_cache_is_refused(postgres_dsn):
    """It would fail later, at some statement's second use."""
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1) as pool:
        with pytest.raises(ConfigurationError, match="statement_cache_size=0"):
            await PostgresLinkStore(pool, transaction_pooling=True).__aenter__()


async def test_replicas_may_start_at_once_behind_a_transaction_pooler(postgres_dsn):
    """The lock for making the schema does not outlive its transaction."""

    async def start(number: int) -> None:
        async with PostgresLinkStore.open(dsn, transaction_pooling=True) as store:
            await store.put(LinkKey("github", str(number)), TOKENS)

    async with transaction_pooler(postgres_dsn) as (_, dsn):
        await asyncio.gather(*map(start, range(6)))


async def test_calls_cancelled_behind_a_transaction_pooler_leave_no_transaction_open(postgres_dsn):
    """Neither a read nor a write that was cancelled stands in the way of the next."""
    async with (
        transaction_pooler(postgres_dsn) as (_, dsn),
        PostgresLinkStore.open(dsn, max_size=2, transaction_pooling=True) as store,
    ):
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn, reads=True) as gate:
            calls = [
                asyncio.create_task(store.get(KEY)),
                asyncio.create_task(store.save(KEY, 1, TOKENS)),
            ]
            await gate.awaited(2)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        await _use_all_of(store)

    assert all(call.cancelled() for call in calls)


async def test_a_call_is_one_transaction_and_nothing_beside_it(postgres_dsn):
    """No statement is spent on cleaning a session up in which the store has left nothing."""
    async with (
        transaction_pooler(postgres_dsn) as (pooler, dsn),
        PostgresLinkStore.open(dsn, transaction_pooling=True) as store,
    ):
        await store.put(KEY, TOKENS)
        before = pooler.transactions
        await store.put(KEY, TOKENS)
        await store.links_of("alice")

        assert before + 2 == pooler.transactions


async def test_a_kept_connection_that_was_left_in_a_transaction_is_mended(postgres_dsn):
    """A read that was cancelled twice could leave one behind; the next read goes on without."""
    async with PostgresLinkStore.open(postgres_dsn, transaction_pooling=True) as store:
        link = await store.put(KEY, TOKENS)
        await store.get(KEY)
        kept = store._connections._kept
        assert kept is not None
        await kept.execute("BEGIN")

        assert link == await store.get(KEY)
        assert link == await store.get(KEY)


@pytest.mark.pgbouncer
async def test_a_store_works_behind_pgbouncer(postgres_dsn):
    """The real one, in transaction mode, with fewer server connections than clients."""
    async with (
        pgbouncer(postgres_dsn, pool_size=3) as dsn,
        PostgresLinkStore.open(dsn, transaction_pooling=True) as one,
        PostgresLinkStore.open(dsn, transaction_pooling=True) as two,
    ):
        await _use_all_of(one)
        await _use_all_of(two)

        async def worker(store: PostgresLinkStore, number: int) -> None:
            key = LinkKey("github", f"user-{number}")
            version = (await store.put(key, TOKENS)).version
            for step in range(10):
                assert isinstance(await store.save(key, version + step, TOKENS), Saved)
                link = await store.get(key)
                assert link is not None
                assert version + step + 1 == link.version

        await asyncio.gather(*(worker((one, two)[number % 2], number) for number in range(16)))
