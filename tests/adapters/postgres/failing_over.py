"""What the tests of failovers do to servers, and how long they wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from extauth import Link, TokenSet
from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.errors import StoreUnavailable
from extauth.domain.outcomes import Saved, Stale
from tests.adapters.postgres.whole_store import KEY, TOKENS
from tests.servers.postgres_server import OwnPostgresServer
from tests.support.postgres_admin import run, session

T = TypeVar("T")

READ_ONLY_FROM_NOW_ON = ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")


async def until_it_works(call: Callable[[], Awaitable[T]]) -> T:
    """Try again as long as the store says that it is not available."""
    while True:
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncGenerator[PostgresLinkStore]:
    """Open a store, however long the machine takes for what its calls have little time for."""
    async with AsyncExitStack() as stack:
        yield await until_it_works(lambda: stack.enter_async_context(PostgresLinkStore.open(dsn, **options)))


async def until_saved(store: PostgresLinkStore, version: int) -> tuple[int, TokenSet]:
    """Save until it works, and return what is stored then: a try that failed may have been carried out."""
    outcome = await until_it_works(lambda: store.save(KEY, version, TOKENS))
    assert isinstance(outcome, Saved | Stale)
    return outcome.link.version, outcome.link.tokens


async def caught_up(primary: OwnPostgresServer, standby: OwnPostgresServer) -> None:
    """Wait until the standby has all that the primary has written."""
    async with session(primary.dsn) as there, session(standby.dsn) as here:
        written = await there.fetchval("SELECT pg_current_wal_lsn()::text")
        while not await here.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written):
            await asyncio.sleep(0.02)


async def gives_way(store: PostgresLinkStore, link: Link, standby: OwnPostgresServer) -> None:
    """See that calls end although the primary is gone, and that the standby takes its place."""
    failed = await asyncio.gather(
        store.get(KEY), store.save(KEY, link.version, TOKENS), return_exceptions=True
    )
    await run(standby.dsn, "SELECT pg_promote()")
    again = await until_it_works(lambda: store.get(KEY))
    saved = await until_saved(store, link.version)
    assert [StoreUnavailable] * 2 == [type(each) for each in failed]
    assert link == again
    assert (link.version + 1, TOKENS) == saved
