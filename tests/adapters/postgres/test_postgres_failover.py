"""A server falls silent, or stops being the primary; the store finds the one that takes writes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, connections, pools, unique_names
from extauth.adapters.postgres.sending import Sending
from extauth.domain.errors import StoreUnavailable
from tests.adapters.postgres.failing_over import (
    READ_ONLY_FROM_NOW_ON,
    caught_up,
    gives_way,
    opened,
    until_it_works,
)
from tests.adapters.postgres.whole_store import KEY, OTHER, TOKENS
from tests.servers.forgetful_relay import forgetful_relay
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.servers.row_lock import locked
from tests.support.postgres_admin import run

pytestmark = pytest.mark.slow

T = TypeVar("T")

SECOND = "127.0.0.2"
"""Another address of this machine."""
NAME = "database.example"
"""It stands for both."""

SHORT = timedelta(seconds=2)
"""For giving a silent server up; what is waited for has none of its own."""


@pytest.fixture
def pair(own_postgres_server: OwnPostgresServer) -> Generator[tuple[OwnPostgresServer, OwnPostgresServer]]:
    """A primary, and a standby that follows it."""
    with own_postgres(standby_of=own_postgres_server) as standby:
        yield own_postgres_server, standby


def port_of(dsn: str) -> int:
    """Return the port of an address."""
    port = urlsplit(dsn).port
    assert port is not None
    return port


def both(one: str, two: str) -> str:
    """Return an address of two servers, of which the second has the database of the first."""
    return one.replace(f":{port_of(one)}/", f":{port_of(one)},127.0.0.1:{port_of(two)}/")


@asynccontextmanager
async def silent_server() -> AsyncGenerator[SimpleNamespace]:
    """A server that takes connections and never says a word. It counts them."""
    silent = SimpleNamespace(clients=0, port=0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.clients += 1
        await reader.read()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    silent.port = listener.sockets[0].getsockname()[1]
    try:
        yield silent
    finally:
        listener.close()


async def test_a_silent_first_server_leaves_time_for_the_others(postgres_dsn):
    """It is tried for its share of the time, and after that no more."""
    async with silent_server() as silent:
        dsn = both(postgres_dsn, postgres_dsn).replace(str(port_of(postgres_dsn)), str(silent.port), 1)
        async with PostgresLinkStore.open(dsn, command_timeout=timedelta(seconds=10)) as store:
            await store.put(KEY, TOKENS)
            await store._pool.expire_connections()
            await asyncio.gather(*(store.links_of("alice") for _ in range(5)))

            assert silent.clients == 1


@contextmanager
def silent_address(port: int, kind: str) -> Generator[None]:
    """A second address of this machine at which nobody says a word.

    Its process was stopped, so that connections are made; or so many wait already that none are.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((SECOND, port))
        listener.listen(0 if kind == "full" else 100)
        for _ in range(4 if kind == "full" else 0):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((SECOND, port))
        yield


@pytest.fixture
def connected_to(monkeypatch: pytest.MonkeyPatch, loop_of_test: Any) -> list[str]:
    """The addresses that were connected to, where the resolver knows a name with two of them."""
    resolve, connect = loop_of_test.getaddrinfo, loop_of_test.sock_connect
    tried: list[str] = []

    async def both_of(host: Any, port: Any, **options: Any) -> Any:
        hosts = [SECOND, "127.0.0.1"] if host == NAME else [host]
        return [found for each in hosts for found in await resolve(each, port, **options)]

    async def connect_noted(sock: Any, where: Any) -> None:
        tried.append(where[0])
        await connect(sock, where)

    monkeypatch.setattr(loop_of_test, "getaddrinfo", both_of)
    monkeypatch.setattr(loop_of_test, "sock_connect", connect_noted)
    return tried


@pytest.fixture
async def loop_of_test() -> Any:
    """The loop that runs the test."""
    return asyncio.get_running_loop()


@pytest.mark.parametrize("kind", ["full", "mute"])
async def test_a_silent_address_of_a_name_leaves_time_for_the_others(postgres_dsn, connected_to, kind):
    """As a server of several does: it is tried for its share of the time, and after that no more."""
    dsn = postgres_dsn.replace("127.0.0.1", NAME)
    with silent_address(port_of(dsn), kind):
        async with PostgresLinkStore.open(dsn, command_timeout=timedelta(seconds=4)) as store:
            await store.put(KEY, TOKENS)
            await store._pool.expire_connections()
            await asyncio.gather(*(store.links_of("alice") for _ in range(5)))

    assert connected_to.count(SECOND) == 1


async def test_a_statement_is_cancelled_at_the_address_that_has_it(postgres_dsn, connected_to):
    """Another one of the name would not know it, and the silent one would not even say so."""
    dsn = postgres_dsn.replace("127.0.0.1", NAME)
    with silent_address(port_of(dsn), "mute"):
        async with PostgresLinkStore.open(dsn, command_timeout=SHORT * 2) as store:
            await store.put(KEY, TOKENS)
            before = len(connected_to)
            async with locked(postgres_dsn):
                with pytest.raises(StoreUnavailable):
                    await store.save(KEY, 1, TOKENS)

    # One is the lock's.
    assert connected_to[before:] == ["127.0.0.1"] * 2


async def test_of_several_servers_the_primary_is_taken(pair):
    """In whatever order they are named; ``any`` takes the first, which does not do."""
    primary, standby = pair
    async with primary.fresh_database() as dsn:
        wrong_way_round = both(standby.dsn_of(urlsplit(dsn).path[1:]), dsn)
        async with PostgresLinkStore.open(wrong_way_round) as store:
            assert (await store.put(KEY, TOKENS)).version == 1
        await caught_up(primary, standby)
        with pytest.raises(StoreUnavailable, match="standby"):
            await PostgresLinkStore.open(f"{wrong_way_round}&target_session_attrs=any").__aenter__()
        with pytest.raises(StoreUnavailable, match="is a primary that takes writes"):
            await PostgresLinkStore.open(
                f"{standby.dsn_of(urlsplit(dsn).path[1:])}&target_session_attrs=primary"
            ).__aenter__()


@pytest.mark.parametrize("attributes", ["primary", "read-write"])
async def test_a_server_that_does_not_say_what_it_is_is_asked(pair, monkeypatch, attributes):
    """As those before Postgres 14 do not."""
    monkeypatch.setattr(asyncpg.Connection, "get_settings", lambda _: None)
    primary, standby = pair
    async with primary.fresh_database() as dsn:
        wrong_way_round = both(standby.dsn_of(urlsplit(dsn).path[1:]), dsn)
        address = f"{wrong_way_round}&target_session_attrs={attributes}"
        async with PostgresLinkStore.open(address) as store:
            assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_read_only_server_is_passed_over_where_that_is_asked_for(own_postgres_server, postgres_dsn):
    """A primary it may be, but not one that takes writes."""
    async with own_postgres_server.fresh_database() as dsn:
        await run(dsn, f"ALTER DATABASE {urlsplit(dsn).path[1:]} SET default_transaction_read_only = on")
        name = urlsplit(postgres_dsn).path[1:]
        await run(postgres_dsn.replace(name, "postgres"), f"CREATE DATABASE {urlsplit(dsn).path[1:]}")
        try:
            address = f"{both(dsn, postgres_dsn)}&target_session_attrs=read-write"
            async with PostgresLinkStore.open(address) as store:
                assert (await store.put(KEY, TOKENS)).version == 1
        finally:
            await run(postgres_dsn, f"DROP DATABASE {urlsplit(dsn).path[1:]} WITH (FORCE)")


async def test_a_frozen_primary_gives_way_to_the_promoted_standby():
    """Its sockets stay open and nothing comes. Calls end by the store's deadline, and then work again."""
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        async with opened(both(primary.dsn, standby.dsn), command_timeout=SHORT) as store:
            link = await until_it_works(lambda: store.put(KEY, TOKENS))
            await asyncio.gather(*(until_it_works(lambda: store.links_of("alice")) for _ in range(5)))
            await caught_up(primary, standby)
            with primary.frozen():
                await gives_way(store, link, standby)


@asynccontextmanager
async def moved(
    own: OwnPostgresServer, postgres_dsn: str, **options: Any
) -> AsyncGenerator[tuple[PostgresLinkStore, Any, int, str]]:
    """A store on one server, by an address that can be led to another with the same link."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    name = urlsplit(postgres_dsn).path[1:]
    await run(own.dsn, f"CREATE DATABASE {name}")
    try:
        async with (
            forgetful_relay(own.dsn_of(name)) as (relay, dsn),
            opened(dsn, **options) as store,
        ):
            await until_it_works(lambda: store.put(KEY, TOKENS))
            assert await until_it_works(lambda: store.get(KEY)) is not None
            yield store, relay, port_of(postgres_dsn), own.dsn_of(name)
    finally:
        await run(own.dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_connections_to_a_demoted_server_are_replaced(own_postgres_server, postgres_dsn, whose):
    """The address leads elsewhere; the first write that is refused is made there, and reads go there, too."""
    async with (
        moved(own_postgres_server, postgres_dsn) as (own, relay, port, direct),
        _given(relay, direct) as given,
    ):
        store = own if whose == "own pool" else given
        await store.links_of("alice")
        await run(direct, *READ_ONLY_FROM_NOW_ON)
        try:
            relay.port = port
            assert (await store.put(OTHER, TOKENS)).version == 1
            assert await store.get(OTHER) is not None
        finally:
            await run(direct, *_AS_BEFORE)


@asynccontextmanager
async def _given(relay: Any, direct: str) -> AsyncGenerator[PostgresLinkStore]:
    where = direct.replace(f":{port_of(direct)}/", f":{relay.at}/")
    async with asyncpg.create_pool(where, min_size=0, max_size=3) as pool, PostgresLinkStore(pool) as store:
        yield store


_AS_BEFORE = (
    "SET default_transaction_read_only = off",
    "ALTER SYSTEM RESET default_transaction_read_only",
    "SELECT pg_reload_conf()",
)


async def test_as_long_as_there_is_no_primary_connections_are_not_made_for_nothing(
    own_postgres_server, postgres_dsn, monkeypatch
):
    """Of many writes that are refused, one looks for the primary; each says what is the matter."""
    monkeypatch.setattr(connections, "SETTLING", 1000.0)
    async with moved(own_postgres_server, postgres_dsn) as (store, relay, _, direct):
        await run(direct, *READ_ONLY_FROM_NOW_ON)
        try:
            with pytest.raises(StoreUnavailable, match="takes no writes"):
                await until_it_fails(lambda: store.put(OTHER, TOKENS))
            before = relay.served
            for _ in range(20):
                with pytest.raises(StoreUnavailable, match="takes no writes"):
                    await store.put(OTHER, TOKENS)
            assert relay.served == before
        finally:
            await run(direct, *_AS_BEFORE)


async def until_it_fails(call: Callable[[], Awaitable[object]]) -> None:
    """Go on until the server has read its new settings."""
    while True:
        await call()


async def test_a_frozen_server_behind_a_plain_address_is_left_when_the_address_moves(
    own_postgres_server, postgres_dsn
):
    """As behind a load balancer: what was connected to the old one is not used again, but for a goodbye."""
    async with moved(own_postgres_server, postgres_dsn, command_timeout=SHORT) as (store, relay, port, _):
        await asyncio.gather(*(store.links_of("alice") for _ in range(5)))
        with own_postgres_server.frozen():
            relay.port = port
            with pytest.raises(StoreUnavailable):
                await store.get(KEY)
            before = list(relay.received)

            assert await until_it_works(lambda: store.get(KEY)) is not None
            assert (await until_it_works(lambda: store.put(OTHER, TOKENS))).tokens == TOKENS
            await asyncio.gather(*(until_it_works(lambda: store.links_of("alice")) for _ in range(5)))
            after = zip(relay.received, before, strict=False)
            assert {more - fewer for more, fewer in after} <= {0, len(_GOODBYE)}


_GOODBYE = b"X\0\0\0\4"


async def test_a_lock_that_takes_too_long_is_no_silent_server(postgres_dsn, monkeypatch):
    """The server says that it has stopped waiting; its connections are as good as before."""
    monkeypatch.setattr(pools, "LAST_WORD", 60.0)
    async with (
        forgetful_relay(postgres_dsn) as (relay, dsn),
        PostgresLinkStore.open(dsn, command_timeout=SHORT) as store,
    ):
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn):
            with pytest.raises(StoreUnavailable):
                await store.save(KEY, 1, TOKENS)
        before = relay.served
        await store.save(KEY, 1, TOKENS)
        assert before == relay.served


async def test_waiting_for_a_connection_has_an_end(postgres_dsn):
    """All of them are in use, by statements that do not end: a call does not wait for each of these."""
    async with PostgresLinkStore.open(postgres_dsn, max_size=1, command_timeout=SHORT) as store:
        taken = await store._pool.acquire()
        with pytest.raises(StoreUnavailable) as caught:
            await store.put(KEY, TOKENS)
        await store._pool.release(taken)

        assert isinstance(caught.value.__cause__, TimeoutError)
        assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_pool_that_has_room_is_not_used_up(postgres_dsn):
    """The connection that it makes is not answered: it is the server that one has to look at."""
    async with silent_server() as silent:
        dsn = postgres_dsn.replace(str(port_of(postgres_dsn)), str(silent.port), 1)
        async with asyncpg.create_pool(dsn, min_size=0, max_size=2) as pool:
            sending = Sending(transaction_pooling=True)
            reads = connections.Connections(pool, sending, keep=False, patience=0.2)
            with pytest.raises(StoreUnavailable, match="has not answered in time"):
                await reads.read("SELECT 1")


async def test_connections_have_a_greatest_age(postgres_dsn, monkeypatch):
    """One that works is replaced, too: it does not say that another server has taken its server's place."""
    now = 0.0
    monkeypatch.setattr(unique_names, "time", SimpleNamespace(monotonic=lambda: now))
    async with forgetful_relay(postgres_dsn) as (relay, dsn), PostgresLinkStore.open(dsn) as store:
        await store.put(KEY, TOKENS)
        await store.get(KEY)
        await store.links_of("alice")
        before = relay.served
        now += 0.79 * unique_names.MOST_AGE
        await store.get(KEY)
        await store.links_of("alice")
        assert before == relay.served
        now += 0.21 * unique_names.MOST_AGE
        await store.get(KEY)
        await store.links_of("alice")
        await store.get(KEY)
        await store.links_of("alice")

        assert before + 2 == relay.served


async def test_connections_that_are_not_kept_have_a_greatest_age(postgres_dsn, monkeypatch):
    """It is looked at when one is acquired, too, whoever made the pool with our class."""
    now = 0.0
    monkeypatch.setattr(unique_names, "time", SimpleNamespace(monotonic=lambda: now))
    async with (
        forgetful_relay(postgres_dsn) as (relay, dsn),
        asyncpg.create_pool(
            dsn, min_size=1, max_size=1, connection_class=unique_names.UniqueNamesConnection
        ) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await store.put(KEY, TOKENS)
        assert relay.served == 1
        now += unique_names.MOST_AGE
        await store.put(KEY, TOKENS)
        await store.get(KEY)

        assert relay.served == 2


async def test_after_one_lost_write_the_others_are_made_anew(postgres_dsn, caplog):
    """What became of the first nobody knows; the connections beside it are as lost, and not tried."""
    caplog.set_level(logging.INFO)
    async with forgetful_relay(postgres_dsn) as (relay, dsn), PostgresLinkStore.open(dsn) as store:
        await asyncio.gather(*(store.links_of("alice") for _ in range(5)))
        relay.forget()
        with pytest.raises(StoreUnavailable):
            await store.put(KEY, TOKENS)

        await asyncio.gather(*(store.put(OTHER, TOKENS) for _ in range(5)))
