"""Concurrent refreshes raced on every store by the state machine that is public for any store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import attrs
import pytest
from hypothesis import settings

from extauth import LinkStore, ProviderTraits, RefreshPolicy, open_store
from extauth.adapters.encryption import EncryptedStore
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import VirtualClock, refresh_races
from extauth.testing.schedules.races import BEGINNING, SETTINGS
from tests.servers.postgres_server import PostgresServer
from tests.support.encrypted_memory import KEYS, EncryptedMemory

EXAMPLES = int(os.environ.get("EXTAUTH_RACES", "0"))
"""How many examples of each machine to run, newly drawn each time; by default few, and the same ones."""


def races(usual: int) -> settings:
    """Return the settings of one machine."""
    if EXAMPLES:
        return settings(SETTINGS, max_examples=EXAMPLES, print_blob=True)
    return settings(SETTINGS, max_examples=usual, derandomize=True, database=None)


class Places:
    """Where the stores of this module's machines are."""

    folder: Path
    dsn: str
    numbers = count()


@pytest.fixture(scope="module", autouse=True)
def _places(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Generator[None, None, None]:
    Places.folder = tmp_path_factory.mktemp("races")
    with asyncio.Runner() as runner:
        database = postgres_server.fresh_database()
        Places.dsn = runner.run(database.__aenter__())
        yield
        runner.run(database.__aexit__(None, None, None))


def sqlite_file():
    """Return a store in a new file."""
    return open_store(f"sqlite:///{Places.folder / str(next(Places.numbers))}.db")


@asynccontextmanager
async def postgres_database() -> AsyncGenerator[LinkStore, None]:
    """Open a store in the module's database and empty it in the end."""
    async with open_store(Places.dsn, max_size=2) as store:
        yield store
    connection = await asyncpg.connect(Places.dsn)
    await connection.execute("TRUNCATE external_auth_links")
    await connection.close()


@asynccontextmanager
async def encrypted(opening: AbstractAsyncContextManager[Any]) -> AsyncGenerator[LinkStore, None]:
    """Encrypt what a store keeps."""
    async with opening as store:
        yield EncryptedStore(store, KEYS)


pytestmark = pytest.mark.timeout(900)  # generous: a busy machine must not fail it

clock = VirtualClock()


def on_memory(**begins):
    """Return a machine on the store in memory, whose leases run by the machine's clock."""
    setting = attrs.evolve(BEGINNING, **begins)
    return refresh_races(lambda: MemoryLinkStore(now=clock.now), setting=setting, clock=clock).TestCase


TestMemory = on_memory()
TestMemory.settings = races(100)  # twice what `test_races_teeth.py` needs where it is not found late

TestMemoryAndOneBehind = on_memory(reuse="one_behind")
TestMemoryAndOneBehind.settings = races(50)

TestMemoryAndReplayWindow = on_memory(reuse="replay_window")
TestMemoryAndReplayWindow.settings = races(50)

TestMemoryAndLatestWins = on_memory(reuse="latest_wins")
TestMemoryAndLatestWins.settings = races(50)

TestMemoryAndNoRotation = on_memory(reuse="non_rotating")
TestMemoryAndNoRotation.settings = races(50)

TestMemoryAndResources = on_memory(resources=("mail", "files"))
TestMemoryAndResources.settings = races(100)

TestMemoryAndResourcesThatEndEachOther = on_memory(
    resources=("mail",), traits=ProviderTraits(refresh_revokes_access_token=True)
)
TestMemoryAndResourcesThatEndEachOther.settings = races(50)

TestMemoryByItsOwnClock = refresh_races(MemoryLinkStore).TestCase
TestMemoryByItsOwnClock.settings = races(50)

TestSqlite = refresh_races(sqlite_file).TestCase
TestSqlite.settings = races(40)

TestPostgres = refresh_races(postgres_database).TestCase
TestPostgres.settings = races(40)

REMEMBERING: dict[str, Any] = {
    "policy": RefreshPolicy(remember_for=timedelta(seconds=20)),
    "age": timedelta(0),
}

TestMemoryAndRemembering = on_memory(**REMEMBERING)
TestMemoryAndRemembering.settings = races(100)

TestMemoryAndRememberingForResources = on_memory(**REMEMBERING, resources=("mail", "files"))
TestMemoryAndRememberingForResources.settings = races(50)

TestSqliteAndRemembering = refresh_races(sqlite_file, setting=attrs.evolve(BEGINNING, **REMEMBERING)).TestCase
TestSqliteAndRemembering.settings = races(20)

TestPostgresAndRemembering = refresh_races(
    postgres_database, setting=attrs.evolve(BEGINNING, **REMEMBERING)
).TestCase
TestPostgresAndRemembering.settings = races(20)

WITH_RESOURCES = attrs.evolve(BEGINNING, resources=("mail", "files"))

TestSqliteAndResources = refresh_races(sqlite_file, setting=WITH_RESOURCES).TestCase
TestSqliteAndResources.settings = races(20)

TestPostgresAndResources = refresh_races(postgres_database, setting=WITH_RESOURCES).TestCase
TestPostgresAndResources.settings = races(20)

TestEncryptedMemory = refresh_races(lambda: EncryptedMemory(clock.now), clock=clock).TestCase
TestEncryptedMemory.settings = races(50)

TestEncryptedMemoryAndResources = refresh_races(
    lambda: EncryptedMemory(clock.now), setting=WITH_RESOURCES, clock=clock
).TestCase
TestEncryptedMemoryAndResources.settings = races(50)

TestEncryptedSqlite = refresh_races(lambda: encrypted(sqlite_file())).TestCase
TestEncryptedSqlite.settings = races(20)

TestEncryptedPostgres = refresh_races(lambda: encrypted(postgres_database())).TestCase
TestEncryptedPostgres.settings = races(20)
