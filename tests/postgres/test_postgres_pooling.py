"""Behind a pooler in transaction mode each transaction may run on another server connection."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from extauth.adapters.postgres import (
    PostgresLinkStore,
    UniqueNamesConnection,
    linking_statements,
    sending,
    statements,
)
from extauth.adapters.postgres.sending import LONGEST, parsed_with_each_execution
from extauth.adapters.postgres.unique_names import prefix_of
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import AlreadyTaken, Taken
from extauth.domain.outcomes import Claimed, Held, Recorded, Resealed, Saved, Stale
from extauth.domain.token_set import TokenSet
from tests.postgres.pooler_storm import Ravages, storm
from tests.servers.pgbouncer import pgbouncer
from tests.servers.row_lock import locked
from tests.servers.transaction_pooler import transaction_pooler

KEY = LinkKey("github", "alice")
OTHER = LinkKey("github", "bob")
TOKENS = TokenSet("at-1", "rt-1")
REGISTRATION = ClientRegistration(issuer="https://issuer.example", client_id="client")
FAILURE = RefreshFailure("invalid_grant", datetime(2030, 1, 1, tzinfo=UTC), 1)


SETTLED = 12
"""Transactions on one server connection: enough for looking at it, and few beside what a store then does."""


async def _use_all_of(store: PostgresLinkStore) -> None:
    """Call every method, most more than once, so that each runs on several server connections."""
    ttl = timedelta(minutes=5)
    for _ in range(3):
        link = await store.put(KEY, TOKENS)
        version = link.version
        failure = RefreshFailure("invalid_grant", FAILURE.at, version)
        assert link == await store.get(KEY)
        assert [link] == await store.links_of("alice")
        assert isinstance(await store.claim(KEY, version, "one", ttl), Claimed)
        assert isinstance(await store.claim(KEY, version, "two", ttl), Held)
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
        state = uuid.uuid4().hex
        pending = PendingAuthorization(
            state_hash=state, key=KEY, redirect_uri="https://app.example/back", salt="salt"
        )
        await store.begin_authorization(pending, ttl)
        assert isinstance(await store.take_authorization(state), Taken)
        assert isinstance(await store.take_authorization(state), AlreadyTaken)
        assert await store.forget_authorizations(KEY) == 0
        assert await store.purge_authorizations() == 0
        assert await store.keep_registration("app", REGISTRATION) == await store.registration("app")


async def _names(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    """Return the names that the server knows on this connection for statements of the store's."""
    statement = await connection.prepare(
        "SELECT name FROM pg_prepared_statements"
        " WHERE NOT from_sql AND statement NOT LIKE '%pg_prepared_statements%'",
        name="",
    )
    rows = await statement.fetch()
    return [row[0] for row in rows]


def _levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records if record.name.startswith("extauth")]


async def test_a_store_works_behind_a_transaction_pooler(postgres_dsn):
    """With a pool of its own, of which no connection may carry anything between transactions."""
    async with (
        transaction_pooler(postgres_dsn) as (pooler, dsn),
        PostgresLinkStore.open(dsn, transaction_pooling=True) as store,
    ):
        await _use_all_of(store)
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
        await _use_all_of(store)


async def test_a_pooler_is_found_out_when_the_store_is_opened(postgres_dsn, caplog):
    """By the process id, which is not that of the server that answers. It is told once, as no fault."""
    caplog.set_level(logging.INFO)
    async with transaction_pooler(postgres_dsn) as (_, dsn), PostgresLinkStore.open(dsn) as store:
        await _use_all_of(store)

    assert _levels(caplog) == ["INFO"]
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
        await _use_all_of(store)

    assert _levels(caplog) == ["WARNING"]
    assert "open it with transaction_pooling=True" in caplog.text


@pytest.mark.parametrize("settled", [0, SETTLED], ids=["found out", "not found out"])
async def test_replicas_that_forgot_the_pooler_lose_no_link(postgres_dsn, settled):
    """Processes that each count their statements from one meet on the same server connections."""
    async with transaction_pooler(postgres_dsn, settled=settled) as (_, dsn):
        ravages = await storm(dsn, postgres_dsn, replicas=3, callers=4, rounds=60)

    assert Ravages(missing=0, wrong=0, errors=Counter()) == ravages


async def test_a_statement_that_the_server_forgot_is_executed_once(postgres_dsn, caplog):
    """Somebody said DEALLOCATE ALL: a read and a write go on, and it is told once."""
    async with PostgresLinkStore.open(postgres_dsn, max_size=1) as store:
        assert (await store.put(KEY, TOKENS)).version == 1
        assert await store.get(KEY) is not None
        async with store._pool.acquire() as connection:
            await connection.execute("DEALLOCATE ALL")
        again, link = await asyncio.gather(store.put(KEY, TOKENS), store.get(KEY))

        assert again.version == 2
        assert link is not None
    assert _levels(caplog) == ["WARNING"]


async def test_no_two_connections_have_a_name_in_common(postgres_dsn):
    """The names that are on the server begin with what each connection has drawn."""
    async with (
        asyncpg.create_pool(
            postgres_dsn, min_size=2, max_size=2, connection_class=UniqueNamesConnection
        ) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await asyncio.gather(*(store.links_of("alice") for _ in range(2)))
        async with pool.acquire() as one, pool.acquire() as two:
            names = [await _names(one), await _names(two)]
            prefixes = [prefix_of(one), prefix_of(two)]

    assert len(set(prefixes)) == 2
    for prefix, known in zip(prefixes, names, strict=True):
        assert known
        assert all(re.fullmatch(f"{prefix}[0-9]+", name) for name in known)
        assert re.fullmatch("extauth_[0-9a-f]{32}_", prefix)


class _OtherNames(UniqueNamesConnection):
    """As with an asyncpg that asks for names in another way."""

    def _get_unique_id(self, prefix: str) -> str:
        return f"taken_{prefix}"


async def _take_names(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.execute("PREPARE taken_stmt AS SELECT 1")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"connection_class": UniqueNamesConnection, "statement_cache_size": 0},
        {"connection_class": UniqueNamesConnection, "max_cacheable_statement_size": LONGEST - 1},
        {"connection_class": _OtherNames},
        {"connection_class": _OtherNames, "init": _take_names},
    ],
    ids=["plain", "no cache", "small cache", "other names", "taken names"],
)
async def test_statements_have_no_names_where_those_might_be_anothers(postgres_dsn, caplog, options):
    """The server has been told of none, neither of ours nor of the driver's on our behalf."""
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1, **options) as pool:
        async with PostgresLinkStore(pool) as store:
            await _use_all_of(store)
        async with pool.acquire() as connection:
            names = await _names(connection)

    assert names == []
    assert _levels(caplog) == []


def test_the_longest_statement_is_no_longer_than_was_tried():
    """A driver may have a limit above which it caches nothing."""
    ours = [vars(module) for module in (statements, linking_statements)]
    assert max(len(value) for names in ours for value in names.values() if type(value) is str) <= LONGEST


async def test_a_statement_without_a_name_is_parsed_where_it_is_executed(postgres_dsn):
    """It is not mistaken for the last one that had no name either."""
    connection = await asyncpg.connect(postgres_dsn)
    one = await connection.prepare("SELECT 'one'", name="")
    assert parsed_with_each_execution(one)
    await connection.prepare("SELECT 'two'", name="")

    assert await one.fetchval() == "one"
    await connection.close()


async def test_a_driver_that_parses_only_once_is_given_transactions(postgres_dsn, monkeypatch):
    """Then parsing and executing are kept together by them."""
    assert not parsed_with_each_execution(object())
    monkeypatch.setattr(sending, "parsed_with_each_execution", lambda _: False)
    async with (
        transaction_pooler(postgres_dsn) as (_, dsn),
        asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await _use_all_of(store)


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


@pytest.mark.pgbouncer
async def test_replicas_that_forgot_pgbouncer_lose_no_link(postgres_dsn):
    """Three processes of twelve callers on four server connections."""
    async with pgbouncer(postgres_dsn, pool_size=4) as dsn:
        ravages = await storm(dsn, postgres_dsn, replicas=3, callers=12, rounds=40)

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
        await _use_all_of(store)
        async with store._pool.acquire() as connection:
            names = await _names(connection)

    assert levels == _levels(caplog)
    assert named == bool(names)


@pytest.mark.pgbouncer
@pytest.mark.parametrize("said", [None, True, False])
async def test_statement_mode_is_refused(postgres_dsn, said):
    """There are no transactions in it, and PgBouncer hangs up on who begins one."""
    async with pgbouncer(postgres_dsn, pool_size=3, pool_mode="statement") as dsn:
        with pytest.raises(ConfigurationError, match="transaction or session mode"):
            await PostgresLinkStore.open(dsn, transaction_pooling=said).__aenter__()
