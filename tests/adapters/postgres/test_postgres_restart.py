"""The server goes away and comes back; the store goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Saved
from extauth.domain.token_set import TokenSet
from tests.servers.row_lock import locked

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at-1", "rt-1")

pytestmark = pytest.mark.slow


@asynccontextmanager
async def _store(dsn: str, whose: str) -> AsyncGenerator[PostgresLinkStore, None]:
    if whose == "own pool":
        async with PostgresLinkStore.open(dsn) as store:
            yield store
    else:
        async with asyncpg.create_pool(dsn, min_size=3) as pool, PostgresLinkStore(pool) as store:
            yield store


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_everything_works_again_after_a_restart(own_postgres_server, whose, mode):
    """Connections that died are replaced; what was returned before is still there."""
    async with own_postgres_server.fresh_database() as dsn, _store(dsn, whose) as store:
        link = await store.put(KEY, TOKENS)
        await asyncio.gather(*(store.links_of("alice") for _ in range(3)))
        await asyncio.to_thread(own_postgres_server.restart, mode)

        assert link == await store.get(KEY)
        assert [link] == await store.links_of("alice")
        assert isinstance(await store.save(KEY, 1, TOKENS), Saved)


@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_a_read_right_after_a_restart_that_nobody_noticed(own_postgres_server, whose):
    """The event loop has had no chance to see the connections end; reads work all the same."""
    async with own_postgres_server.fresh_database() as dsn, _store(dsn, whose) as store:
        link = await store.put(KEY, TOKENS)
        assert link == await store.get(KEY)
        own_postgres_server.restart("immediate")

        assert link == await store.get(KEY)
        assert isinstance(await store.save(KEY, 1, TOKENS), Saved)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_calls_during_a_restart_are_told_to_try_again(own_postgres_server, mode):
    """What waited for a lock as the server went down is done or unavailable; all is well afterwards."""
    async with own_postgres_server.fresh_database() as dsn, _store(dsn, "own pool") as store:
        await store.put(KEY, TOKENS)
        try:
            async with locked(dsn, reads=True) as gate:
                calls = [
                    asyncio.create_task(store.get(KEY)),
                    asyncio.create_task(store.save(KEY, 1, TOKENS)),
                ]
                await gate.awaited(2)
                await asyncio.to_thread(own_postgres_server.stop, mode)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            pass  # the gate's own connection ends too
        read, saved = await asyncio.gather(*calls, return_exceptions=True)
        meanwhile = await asyncio.gather(store.get(KEY), return_exceptions=True)
        await asyncio.to_thread(own_postgres_server.start)

        # The gate's session may have ended first, and let them through.
        assert isinstance(read, StoreUnavailable | Link)
        assert isinstance(saved, StoreUnavailable | Saved)
        assert isinstance(meanwhile[0], StoreUnavailable)
        link = await store.get(KEY)
        assert link is not None
        assert isinstance(await store.save(KEY, link.version, TOKENS), Saved)
