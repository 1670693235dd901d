"""A store in PGlite, as in tests and at the edge: all clients share the one session that there is."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from extauth import LinkKey, open_store
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.schema import TABLES
from extauth.domain.errors import ConfigurationError
from extauth.testing import LinkingStoreContract, LinkStoreContract
from tests.adapters.postgres.whole_store import use_all_of
from tests.servers.pglite_server import pglite

pytestmark = pytest.mark.pglite

SPOIL = "UPDATE external_auth_links SET oauth_access_token = '' WHERE provider_id = $1 AND user_id = $2"


@pytest.fixture(scope="module")
def generous():
    """A server that serves all the connections of two stores."""
    with pglite(connections=40) as dsn:
        yield dsn


class TestContract(LinkStoreContract, LinkingStoreContract):
    """As of each other store, on a server that serves all of its connections."""

    @pytest.fixture(autouse=True)
    async def _empty(self, generous):
        self.dsn = generous
        await self.break_storage()

    def open_store(self):
        return open_store(self.dsn)

    open_another = open_store

    async def break_storage(self) -> bool:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")
        connection.terminate()
        return True

    async def spoil(self, key: LinkKey) -> bool:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(SPOIL, key.provider_id, key.user_id)
        connection.terminate()
        return True

    async def dump_storage(self) -> str:
        connection = await asyncpg.connect(self.dsn)
        rows = [row for table in TABLES for row in await connection.fetch(f"TABLE {table}")]
        connection.terminate()
        return repr(rows)


@pytest.mark.parametrize(
    ("connections", "says"),
    [
        (1, "serves one connection only, and the store may make 10: open it with max_size=1"),
        (4, "serves 4 connections only, and the store may make 10: open it with max_size=4"),
    ],
)
async def test_how_many_connections_it_serves_is_said_at_opening(connections, says):
    """Later it would hang up now and then; with so many as it serves, all works."""
    with pglite(connections=connections) as dsn, pytest.raises(ConfigurationError, match=says):
        await PostgresLinkStore.open(dsn).__aenter__()
    with pglite(connections=connections) as dsn:
        async with PostgresLinkStore.open(dsn, max_size=connections) as store:
            await use_all_of(store)


async def test_closing_does_not_wait_for_it_to_hang_up():
    """It never does, and the time-out of statements is longer than the test may take."""
    with pglite(connections=2) as dsn:
        async with PostgresLinkStore.open(dsn, max_size=2, command_timeout=timedelta(hours=1)) as store:
            await use_all_of(store)
