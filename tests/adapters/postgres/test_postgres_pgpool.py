"""The store behind the real pgpool-II, which reads on a standby whatever it takes for a mere reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.sending import ON_THE_PRIMARY
from tests.adapters.postgres.failing_over import caught_up
from tests.adapters.postgres.whole_store import KEY, OTHER, TOKENS, look_at_all_of, use_all_of
from tests.servers.pgpool import Pgpool, pgpool
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run, session

pytestmark = [pytest.mark.pgpool]

TO_THE_STANDBY = (0, 1)
"""Every reading that may be balanced."""
TO_BOTH = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "DISCARD ALL")
"""What says nothing of any row."""


@pytest.fixture(scope="module")
def pair() -> Generator[tuple[OwnPostgresServer, OwnPostgresServer]]:
    """A primary, and a standby that follows it."""
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        yield primary, standby


@asynccontextmanager
async def behind(
    pair: tuple[OwnPostgresServer, OwnPostgresServer], *, comments: bool = False
) -> AsyncGenerator[Pgpool]:
    """Put pgpool-II before them, while what the standby has is from before."""
    primary, standby = pair
    await caught_up(primary, standby)
    await run(standby.dsn, "SELECT pg_wal_replay_pause()")
    try:
        async with pgpool(primary.dsn, standby.dsn, weights=TO_THE_STANDBY, comments=comments) as pool:
            yield pool
    finally:
        await run(standby.dsn, "SELECT pg_wal_replay_resume()")


def sent_to_the_standby(pool: Pgpool) -> list[str]:
    """Return what was, but for what goes to both servers."""
    statements = (statement for server, statement in pool.sent() if server == 1)
    return [each for each in statements if not each.startswith((*TO_BOTH, "D message"))]


@pytest.mark.parametrize("whole", [False, True], ids=["by name", "whole"])
async def test_every_statement_goes_to_the_primary(pair, whole):
    """The standby lacks what was just written, at first even the tables."""
    primary, _ = pair
    await run(primary.dsn, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    async with (
        behind(pair) as pool,
        PostgresLinkStore.open(pool.dsn, transaction_pooling=whole) as store,
    ):
        await use_all_of(store)
        assert await look_at_all_of(store) == KEY
        elsewhere = sent_to_the_standby(pool)

    assert elsewhere == []


async def test_what_others_read_goes_to_the_standby(pair):
    """So it is a real load balancer, and its log shows it."""
    primary, _ = pair
    async with PostgresLinkStore.open(primary.dsn) as store:
        await store.delete(KEY)
        async with behind(pair) as pool, session(pool.dsn) as other:
            await store.put(KEY, TOKENS)
            seen = [
                await other.fetchval(f"{prefix}SELECT count(*) FROM external_auth_links")  # noqa: S608
                for prefix in ("", ON_THE_PRIMARY)
            ]
            elsewhere = sent_to_the_standby(pool)

    assert seen == [0, 1]
    assert len(elsewhere) > 0


async def test_links_are_read_on_the_primary_also_where_comments_are_nothing(pair):
    """A volatile function, ``clock_timestamp()``, keeps them there."""
    primary, _ = pair
    async with PostgresLinkStore.open(primary.dsn) as direct:
        await direct.delete(KEY)
        await direct.delete(OTHER)
        async with (
            behind(pair, comments=True) as pool,
            PostgresLinkStore.open(pool.dsn) as store,
        ):
            link = await direct.put(KEY, TOKENS)
            together = await asyncio.gather(*(store.get(key) for key in (KEY, OTHER) * 3))
            listed = await store.links_of("alice")

    assert [link, None] * 3 == together
    assert [link] == listed
