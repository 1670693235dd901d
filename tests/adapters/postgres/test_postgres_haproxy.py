"""The store behind the real HAProxy, whose server falls silent, stops or stops being the primary."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import nullcontext
from datetime import timedelta
from typing import Literal

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.errors import StoreUnavailable
from extauth.domain.outcomes import Saved
from tests.adapters.postgres.failing_over import (
    READ_ONLY_FROM_NOW_ON,
    caught_up,
    gives_way,
    opened,
    until_it_works,
)
from tests.adapters.postgres.whole_store import KEY, OTHER, TOKENS
from tests.servers.haproxy import haproxy
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run

pytestmark = [pytest.mark.haproxy]

SHORT = timedelta(seconds=2)
"""For giving a silent server up."""


@pytest.fixture
def pair() -> Generator[tuple[OwnPostgresServer, OwnPostgresServer]]:
    """A primary, and a standby that follows it; of no other test's."""
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        yield primary, standby


@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_connections_to_a_demoted_server_are_replaced(pair, whose):
    """It stays up, and HAProxy keeps the sessions there; the first write that is refused is made anew."""
    primary, standby = pair
    async with (
        haproxy(primary.dsn, standby.dsn) as proxy,
        PostgresLinkStore.open(proxy.dsn) as own,
        asyncpg.create_pool(proxy.dsn, min_size=0, max_size=3) as pool,
        PostgresLinkStore(pool) as given,
    ):
        store = own if whose == "own pool" else given
        await store.put(KEY, TOKENS)
        await asyncio.gather(*(store.links_of("alice") for _ in range(5)))
        await caught_up(primary, standby)
        await run(primary.dsn, *READ_ONLY_FROM_NOW_ON)
        await run(standby.dsn, "SELECT pg_promote()")
        await proxy.lead_to("two")

        assert (await store.put(OTHER, TOKENS)).version == 1
        assert await store.get(OTHER) is not None
        assert isinstance(await store.save(KEY, 1, TOKENS), Saved)


@pytest.mark.parametrize("shutdown", [True, False])
@pytest.mark.parametrize("how", ["fast", "immediate", "frozen"])
async def test_the_promoted_standby_is_found_by_the_health_check(
    pair, how: Literal["fast", "immediate", "frozen"], shutdown
):
    """Whether the old primary stopped in order, crashed or fell silent, no call lasts beyond its deadline."""
    primary, standby = pair
    async with (
        haproxy(primary.dsn, standby.dsn, checked=True, shutdown=shutdown) as proxy,
        opened(proxy.dsn, command_timeout=SHORT) as store,
    ):
        link = await until_it_works(lambda: store.put(KEY, TOKENS))
        await asyncio.gather(*(until_it_works(lambda: store.links_of("alice")) for _ in range(5)))
        await caught_up(primary, standby)
        with primary.frozen() if how == "frozen" else nullcontext():
            if how != "frozen":
                primary.stop(how)
            await gives_way(store, link, standby)


async def test_opening_while_no_server_is_up_can_be_tried_again(pair):
    """HAProxy lets clients in and hangs up, which says nothing about the address."""
    primary, standby = pair
    async with haproxy(primary.dsn, standby.dsn, checked=True) as proxy:
        primary.stop()
        await proxy.until("one", "DOWN")
        for tls in ("sslmode=disable", "sslmode=require", "sslmode=prefer"):
            with pytest.raises(StoreUnavailable):
                await PostgresLinkStore.open(proxy.dsn.replace("sslmode=disable", tls)).__aenter__()
        await run(standby.dsn, "SELECT pg_promote()")
        await proxy.until("two", "UP")
        async with PostgresLinkStore.open(proxy.dsn) as store:
            assert (await store.put(KEY, TOKENS)).version == 1
