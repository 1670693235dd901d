"""A standby that was behind is promoted under running replicas: no link is lost that one of them knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from extauth import LinkKey, RefreshPolicy, TokenService, open_store
from extauth.domain.errors import ExtAuthError, StoreUnavailable
from extauth.domain.events import StoreWentBack
from extauth.testing.scripted.provider import ScriptedProvider
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run, session

HOLD = timedelta(seconds=2)
LINKS = 12


class Told:
    def __init__(self) -> None:
        self.events: list[object] = []

    def notify(self, event: object) -> None:
        self.events.append(event)


@asynccontextmanager
async def replica(dsn: str, provider: ScriptedProvider, told: Told) -> AsyncIterator[TokenService]:
    policy = RefreshPolicy(hold_after_failover=HOLD)
    async with (
        open_store(dsn, keys="plain", max_size=3, command_timeout=timedelta(seconds=3)) as store,
        TokenService(store, [provider], policy=policy, observer=told) as tokens,
    ):
        yield tokens


async def behind(primary: OwnPostgresServer, standby: OwnPostgresServer) -> None:
    """Have the standby receive no more than it has."""
    async with session(primary.dsn) as there, session(standby.dsn) as here:
        written = await there.fetchval("SELECT pg_current_wal_lsn()::text")
        while not await here.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written):
            await asyncio.sleep(0.02)
    await run(standby.dsn, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
    async with session(standby.dsn) as here:
        while await here.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):
            await asyncio.sleep(0.02)


async def until(call):
    while True:
        try:
            return await call()
        except (StoreUnavailable, ExtAuthError) as error:
            if not getattr(error, "retryable", True):
                raise
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("restarted", [False, True], ids=["all stay", "one restarts"])
async def test_a_standby_that_was_behind_is_promoted(restarted):
    """Three replicas have refreshed links once to three times that the standby does not know of."""
    provider = ScriptedProvider("scripted")
    keys = [LinkKey("scripted", f"user-{number}") for number in range(LINKS)]
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        hosts = ",".join(server.dsn.split("@")[1].split("/")[0] for server in (primary, standby))
        dsn = f"postgresql://postgres@{hosts}/postgres?sslmode=disable"
        tolds = [Told() for _ in range(3)]
        async with AsyncExitStack() as stack:
            replicas = [await stack.enter_async_context(replica(dsn, provider, told)) for told in tolds]
            async with open_store(dsn, keys="plain") as store:
                for key in keys:
                    await store.put(key, provider.grant())
            await behind(primary, standby)
            for number, key in enumerate(keys):
                for time in range(1 + number % 3):
                    await replicas[(number + time) % 3].refresh(key.provider_id, key.user_id)
            primary.stop("immediate")
            await run(standby.dsn, "SELECT pg_promote()")
            if restarted:
                replicas.append(await stack.enter_async_context(replica(dsn, provider, Told())))

            async def refreshed(number: int, key: LinkKey) -> None:
                tokens = replicas[-1] if restarted else replicas[(number + 1) % 3]
                await until(lambda: tokens.refresh(key.provider_id, key.user_id))

            await asyncio.gather(*(refreshed(number, key) for number, key in enumerate(keys)))
            stored = [await replicas[0].link(key.provider_id, key.user_id) for key in keys]
        assert provider.families_revoked == 0
        assert all(provider.is_live(link.tokens) for link in stored)
        for told in tolds:
            [went_back] = [event for event in told.events if isinstance(event, StoreWentBack)]
            assert (went_back.missing, went_back.unread) == (0, 0)
