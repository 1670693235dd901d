"""A real Postgres server whose clock is set while leases are held."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, RefreshPolicy, TokenService, open_store
from extauth.domain.store_clock import lease_owner
from extauth.events import ExchangeStarted
from extauth.testing import ScriptedProvider
from tests.servers.faketime import postgres_of_its_own_time

pytestmark = pytest.mark.faketime

USERS = [f"user-{number}" for number in range(12)]
BRIEF = RefreshPolicy(
    exchange_timeout=timedelta(seconds=0.5), save_margin=timedelta(seconds=1), lease_ttl=timedelta(seconds=2)
)
HASTY = RefreshPolicy(save_margin=timedelta(seconds=0.2))
"""Looks only so long for a holder that may be about to save, before it presents a token again."""
HOUR = 3600


@pytest.fixture(scope="module")
def timed():
    """Share one server."""
    with postgres_of_its_own_time() as server_and_clock:
        yield server_and_clock


class Presenting:
    """Waits until every user's token is being presented."""

    def __init__(self):
        self.begun = 0
        self.all_of_them = asyncio.Event()

    def notify(self, event):
        """Count exchanges."""
        self.begun += isinstance(event, ExchangeStarted)
        if self.begun == len(USERS):
            self.all_of_them.set()


async def linked(store, provider):
    """Connect users whose access tokens have expired."""
    for user in USERS:
        grant = provider.grant(user)
        expired = attrs.evolve(grant, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        await store.put(LinkKey("scripted", user), expired)


async def all_tokens(service):
    """Ask for everybody's."""
    return await asyncio.gather(*[service.access_token("scripted", user) for user in USERS])


async def test_set_ahead_during_exchanges(timed):
    """Every lease has lapsed by the server's clock, and no token is presented twice."""
    server, set_ahead = timed
    set_ahead(0)
    provider = ScriptedProvider("scripted")
    async with server.fresh_database() as dsn, open_store(dsn) as one, open_store(dsn) as two:
        await linked(one, provider)
        provider.gate = asyncio.Event()
        presenting = Presenting()
        async with (
            TokenService(one, [provider], observer=presenting) as holder,
            TokenService(two, [provider], policy=HASTY) as other,
        ):
            first = asyncio.create_task(all_tokens(holder))
            await presenting.all_of_them.wait()
            before = await two.time()
            set_ahead(HOUR)
            assert await two.time() - before > timedelta(minutes=59)
            second = asyncio.create_task(all_tokens(other))
            await asyncio.sleep(1)  # whoever believes that clock presents its tokens in this time
            provider.gate.set()
            assert await first == await second
    assert provider.exchanges == len(USERS)


async def test_set_back_after_a_crash(timed):
    """The leases of a replica that is gone seem to last for an hour, and are soon taken over."""
    server, set_ahead = timed
    set_ahead(0)
    provider = ScriptedProvider("scripted")
    async with server.fresh_database() as dsn, open_store(dsn) as store:
        await linked(store, provider)
        for user in USERS:
            await store.claim(LinkKey("scripted", user), 1, lease_owner(7, BRIEF.lease_ttl), BRIEF.lease_ttl)
        async with TokenService(store, [provider], policy=BRIEF) as service:
            set_ahead(-HOUR)
            await all_tokens(service)
    assert provider.exchanges == len(USERS)
