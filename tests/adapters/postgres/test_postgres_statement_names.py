"""What names a store's statements have on the server, and what becomes of those that the server lost."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncpg
import pytest

from extauth.adapters.postgres import (
    PostgresLinkStore,
    UniqueNamesConnection,
    linking_statements,
    sending,
    statements,
)
from extauth.adapters.postgres.sending import LONGEST, ON_THE_PRIMARY, parsed_with_each_execution
from extauth.adapters.postgres.unique_names import prefix_of
from tests.adapters.postgres.whole_store import KEY, TOKENS, levels_told, names_on, use_all_of
from tests.servers.transaction_pooler import transaction_pooler


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
    assert levels_told(caplog) == ["WARNING"]


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
            names = [await names_on(one), await names_on(two)]
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
            await use_all_of(store)
        async with pool.acquire() as connection:
            names = await names_on(connection)

    assert names == []
    assert levels_told(caplog) == []


async def test_a_connection_of_another_class_is_told_no_names(postgres_dsn):
    """Not even in a pool that has made connections of ours as well."""
    classes = iter([UniqueNamesConnection, asyncpg.Connection])

    async def connect(*args: Any, **options: Any) -> object:
        options["connection_class"] = next(classes)
        return await asyncpg.connect(*args, **options)

    async with asyncpg.create_pool(postgres_dsn, min_size=0, max_size=2, connect=connect) as pool:
        async with PostgresLinkStore(pool) as store:
            await asyncio.gather(*(store.links_of("alice") for _ in range(2)))
        async with pool.acquire() as one, pool.acquire() as two:
            named = {prefix_of(connection) is None: await names_on(connection) for connection in (one, two)}

    assert named[True] == []
    assert len(named[False]) == 1


def test_the_longest_statement_is_no_longer_than_was_tried():
    """A driver may have a limit above which it caches nothing."""
    ours = [vars(module) for module in (statements, linking_statements)]
    longest = max(len(value) for names in ours for value in names.values() if type(value) is str)
    assert len(ON_THE_PRIMARY) + longest <= LONGEST


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
        await use_all_of(store)
