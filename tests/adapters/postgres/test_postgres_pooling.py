"""Behind a pooler in transaction mode each transaction may run on another server connection."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, UniqueNamesConnection
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Saved
from tests.adapters.postgres.pooler_storm import Ravages, storm
from tests.adapters.postgres.whole_store import KEY, TOKENS, levels_told, names_on, use_all_of
from tests.servers.pgbouncer import pgbouncer
from tests.servers.row_lock import locked
from tests.servers.transaction_pooler import transaction_pooler

SETTLED = 12
"""Transactions on one server connection: enough for looking at it, and few beside what a store then does."""


async def test_a_store_works_behind_a_transaction_pooler(postgres_dsn):
    """With a pool of its own, of which no connection may carry anything between transactions."""
    async with (
        transaction_pooler(postgres_dsn) as (pooler, dsn),
        PostgresLinkStore.open(dsn, transaction_pooling=True) as store,
    ):
        await use_all_of(store)
        assert pooler.transactions > 40


@pytest.mark.parametrize("options", [{}, {"statement_cache_size": 0}], ids=["cache", "no cache"])
@pytest.mark.parametrize("said", [True, None, False])
async def test_a_given_pool_works_behind_a_transaction_pooler(postgres_dsn, options, said):
    """However the application made it, and whatever it said: its names are never used."""
    async with (
        transaction_pooler(postgres_dsn) as (_, dsn),
        asyncpg.create_pool(dsn, min_size=1, max_size=2, **options) as pool,
        PostgresLinkStore(pool, transaction_pooling=said) as store,
    ):
        await use_all_of(store)


async def test_a_pooler_is_found_out_when_the_store_is_opened(postgres_dsn, caplog):
    """By the process id, which is not that of the server that answers. It is told once, as no fault."""
    caplog.set_level(logging.INFO)
    async with transaction_pooler(postgres_dsn) as (_, dsn), PostgresLinkStore.open(dsn) as store:
        await use_all_of(store)

    assert levels_told(caplog) == ["INFO"]
    assert "transaction_pooling=False" in caplog.text


@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_a_pooler_that_was_not_found_out_fails_no_call(postgres_dsn, caplog, whose):
    """The first statement that is missing is sent whole instead, and so is each from then on."""
    caplog.set_level(logging.INFO)
    async with transaction_pooler(postgres_dsn, settled=SETTLED) as (_, dsn), AsyncExitStack() as stack:
        if whose == "own pool":
            store = await stack.enter_async_context(PostgresLinkStore.open(dsn))
        else:
            made = asyncpg.create_pool(dsn, max_size=2, min_size=0, connection_class=UniqueNamesConnection)
            store = await stack.enter_async_context(PostgresLinkStore(await stack.enter_async_context(made)))
        await use_all_of(store)

    assert levels_told(caplog) == ["WARNING"]
    assert "open it with transaction_pooling=True" in caplog.text


@pytest.mark.parametrize("settled", [0, SETTLED], ids=["found out", "not found out"])
async def test_replicas_that_forgot_the_pooler_lose_no_link(postgres_dsn, settled):
    """Processes that each count their statements from one meet on the same server connections."""
    async with transaction_pooler(postgres_dsn, settled=settled) as (_, dsn):
        ravages = await storm(dsn, postgres_dsn, replicas=3, callers=4, rounds=60)

    assert Ravages(missing=0, wrong=0, errors=Counter()) == ravages


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
        await use_all_of(store)

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


@pytest.mark.parametrize("said", [None, True, False])
async def test_a_pooler_that_refuses_transactions_is_refused(postgres_dsn, said):
    """The store says what to do."""
    async with transaction_pooler(postgres_dsn, statements_only=True) as (_, dsn):
        with pytest.raises(ConfigurationError, match="transaction or session mode"):
            await PostgresLinkStore.open(dsn, transaction_pooling=said).__aenter__()


async def test_a_call_that_was_not_sent_holds_no_server_connection(postgres_dsn):
    """The driver has the statement described before it finds that it cannot send an argument."""
    async with (
        transaction_pooler(postgres_dsn, size=1, settled=1000) as (_, dsn),
        PostgresLinkStore.open(dsn, transaction_pooling=True) as one,
        PostgresLinkStore.open(dsn, transaction_pooling=True) as two,
    ):
        with pytest.raises(StoreUnavailable):
            await one.save(KEY, 2**63, TOKENS)

        assert await two.get(KEY) is None


@pytest.mark.pgbouncer
async def test_a_store_works_behind_pgbouncer(postgres_dsn):
    """The real one, in transaction mode, with fewer server connections than clients."""
    async with (
        pgbouncer(postgres_dsn, pool_size=3) as dsn,
        PostgresLinkStore.open(dsn, transaction_pooling=True) as one,
        PostgresLinkStore.open(dsn, transaction_pooling=True) as two,
    ):
        await use_all_of(one)
        await use_all_of(two)

        async def worker(store: PostgresLinkStore, number: int) -> None:
            key = LinkKey("github", f"user-{number}")
            version = (await store.put(key, TOKENS)).version
            for step in range(10):
                assert isinstance(await store.save(key, version + step, TOKENS), Saved)
                link = await store.get(key)
                assert link is not None
                assert version + step + 1 == link.version

        await asyncio.gather(*(worker((one, two)[number % 2], number) for number in range(16)))


@pytest.mark.pgbouncer
@pytest.mark.parametrize("denied", [False, True])
async def test_replicas_that_forgot_pgbouncer_lose_no_link(postgres_dsn, denied):
    """Three processes of twelve callers on four server connections, also if they say that it is not there."""
    async with pgbouncer(postgres_dsn, pool_size=4) as dsn:
        ravages = await storm(dsn, postgres_dsn, replicas=3, callers=12, rounds=40, denied=denied)

    assert Ravages(missing=0, wrong=0, errors=Counter()) == ravages


@pytest.mark.pgbouncer
@pytest.mark.parametrize(
    ("said", "levels", "named"), [(None, ["INFO"], False), (True, [], False), (False, [], True)]
)
async def test_in_session_mode_names_are_used_where_that_is_asked_for(
    postgres_dsn, caplog, said, levels, named
):
    """Otherwise the store cannot know that pgbouncer keeps the session."""
    caplog.set_level(logging.INFO)
    async with (
        pgbouncer(postgres_dsn, pool_size=10, pool_mode="session") as dsn,
        PostgresLinkStore.open(dsn, transaction_pooling=said) as store,
    ):
        await use_all_of(store)
        async with store._pool.acquire() as connection:
            names = await names_on(connection)

    assert levels == levels_told(caplog)
    assert named == bool(names)


@pytest.mark.pgbouncer
@pytest.mark.parametrize("said", [None, True, False])
async def test_statement_mode_is_refused(postgres_dsn, said):
    """There are no transactions in it, and PgBouncer hangs up on who begins one."""
    async with pgbouncer(postgres_dsn, pool_size=3, pool_mode="statement") as dsn:
        with pytest.raises(ConfigurationError, match="transaction or session mode"):
            await PostgresLinkStore.open(dsn, transaction_pooling=said).__aenter__()
