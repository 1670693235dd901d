"""Every store runs both contracts whole: one row per store."""

from __future__ import annotations

import pickle
from collections.abc import AsyncGenerator
from pathlib import Path

import aiosqlite
import asyncpg
import pytest

from extauth import LinkKey, open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.testing import (
    AuditContract,
    ImportStoreContract,
    InventoryContract,
    LinkingStoreContract,
    LinkStoreContract,
    OutboxContract,
)
from tests.support.postgres_admin import TABLES, empty, run

SPOIL = "UPDATE external_auth_links SET oauth_access_token = '' WHERE"


class WholeContract(
    LinkStoreContract,
    LinkingStoreContract,
    ImportStoreContract,
    InventoryContract,
    OutboxContract,
    AuditContract,
):
    """All that is promised of a store that ships."""


class TestMemoryLinkStore(WholeContract):
    def open_store(self):
        self.store = MemoryLinkStore()
        return self.store

    async def dump_storage(self) -> str:
        return pickle.dumps(self.store.state(), protocol=0).decode("latin-1")


class TestSqliteLinkStore(WholeContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "links.db"

    def open_store(self):
        return open_store(f"sqlite:///{self.path}")

    open_another = open_store

    async def break_storage(self) -> bool:
        async with aiosqlite.connect(self.path) as connection:
            for table in TABLES:
                await connection.execute(f"DROP TABLE {table}")
        return True

    async def spoil(self, key: LinkKey) -> bool:
        async with aiosqlite.connect(self.path) as connection:
            await connection.execute(
                f"{SPOIL} provider_id = ? AND user_id = ?", [key.provider_id, key.user_id]
            )
            await connection.commit()
        return True

    async def dump_storage(self) -> str:
        async with aiosqlite.connect(self.path) as connection:
            return "\n".join([line async for line in connection.iterdump()])


class TestSqliteLinkStoreOnGivenConnection(TestSqliteLinkStore):
    def open_store(self):
        return _on_given_connection(self.path)

    open_another = open_store


class TestPostgresLinkStore(WholeContract):
    @pytest.fixture(autouse=True)
    async def _database(self, shared_postgres_dsn: str) -> AsyncGenerator[None, None]:
        self.dsn, self.broken = shared_postgres_dsn, False
        await empty(self.dsn)
        yield
        if self.broken:
            await run(self.dsn, *(f"ALTER TABLE away_{table} RENAME TO {table}" for table in TABLES))

    def open_store(self):
        return open_store(self.dsn)

    open_another = open_store

    async def break_storage(self) -> bool:
        self.broken = True
        await run(self.dsn, *(f"ALTER TABLE {table} RENAME TO away_{table}" for table in TABLES))
        return True

    async def spoil(self, key: LinkKey) -> bool:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(f"{SPOIL} provider_id = $1 AND user_id = $2", key.provider_id, key.user_id)
        await connection.close()
        return True

    async def dump_storage(self) -> str:
        connection = await asyncpg.connect(self.dsn)
        rows = [row for table in TABLES for row in await connection.fetch(f"TABLE {table}")]
        await connection.close()
        return repr(rows)


class TestPostgresLinkStoreBehindPooler(TestPostgresLinkStore):
    def open_store(self):
        return open_store(self.dsn, transaction_pooling=True)

    open_another = open_store


class TestPostgresLinkStoreOnGivenPool(TestPostgresLinkStore):
    def open_store(self):
        return _on_given_pool(self.dsn)

    open_another = open_store


class _on_given_pool:  # noqa: N801 - a context manager
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def __aenter__(self) -> PostgresLinkStore:
        # One connection: the store must get by with whatever the application has left.
        self.pool = await asyncpg.create_pool(self.dsn, min_size=1, max_size=1)
        return await PostgresLinkStore(self.pool).__aenter__()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.pool.close()


class _on_given_connection:  # noqa: N801 - a context manager
    def __init__(self, path: Path) -> None:
        self.path = path

    async def __aenter__(self) -> SqliteLinkStore:
        self.connection = await aiosqlite.connect(self.path, isolation_level=None)
        return await SqliteLinkStore(self.connection).__aenter__()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.connection.close()
