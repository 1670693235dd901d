"""The stores of each kind, and how to break each from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiosqlite
import asyncpg
import attrs

from extauth import open_store
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.postgres import PostgresLinkStore, UniqueNamesConnection
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.domain.linking_ports import Store
from tests.servers.postgres_server import PostgresServer

MEMORY = ("memory",)
SQLITE = ("sqlite", "sqlite-own-connection", "sqlite-own-pair", "sqlite-encrypted")
POSTGRES = (
    "postgres",
    "postgres-own-pool",
    "postgres-own-names",
    "postgres-transaction-pooling",
    "postgres-encrypted",
)
ENCRYPTED = "-encrypted"
KEY = EncryptionKey.generate("2026-11")
EVERYWHERE = (*MEMORY, *SQLITE, *POSTGRES)
ON_DISK = (*SQLITE, *POSTGRES)

LOCK_PATIENCE = timedelta(milliseconds=200)
"""Longer than anything here holds a lock, but for what is meant to."""

Execute = Callable[..., Awaitable[None]]
Held = Callable[[], AbstractAsyncContextManager[None]]


@attrs.frozen
class Place:
    """An open store, and a way to its database that is not the store's."""

    kind: str
    store: Store
    execute: Execute
    locked: Held
    """Nothing can be written meanwhile, and whoever tries gives up soon."""
    cut: Held
    """The store has no connection meanwhile and gets no other."""


def place(kind: str, folder: Path, server: PostgresServer) -> AbstractAsyncContextManager[Place]:
    """Open an empty store of that kind."""
    if kind.endswith(ENCRYPTED):
        return _encrypted(kind, folder, server)
    if kind == "memory":
        return _in_memory()
    return _in_sqlite(kind, folder / "links.db") if kind in SQLITE else _in_postgres(kind, server)


@asynccontextmanager
async def _encrypted(kind: str, folder: Path, server: PostgresServer) -> AsyncGenerator[Place]:
    async with place(kind.removesuffix(ENCRYPTED), folder, server) as opened:
        yield attrs.evolve(opened, kind=kind, store=EncryptedStore(opened.store, KEY))


@asynccontextmanager
async def _in_memory() -> AsyncGenerator[Place]:
    async with open_store("memory://") as store:
        yield Place("memory", store, _no_database, nullcontext, nullcontext)


async def _no_database(*_: object) -> None:
    raise AssertionError("memory does not break")  # noqa: EM101, TRY003


@asynccontextmanager
async def _in_sqlite(kind: str, path: Path) -> AsyncGenerator[Place]:
    async def execute(sql: str, *values: object) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(sql, values)

    async with _sqlite_store(kind, path) as store:
        inside: Any = store

        @asynccontextmanager
        async def locked() -> AsyncGenerator[None]:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                yield

        @asynccontextmanager
        async def cut() -> AsyncGenerator[None]:
            for connection in {inside._connection, inside._reader}:
                await connection.close()
            yield

        yield Place(kind, store, execute, locked, cut)


@asynccontextmanager
async def _sqlite_store(kind: str, path: Path) -> AsyncGenerator[Store]:
    if kind == "sqlite":
        async with open_store(f"sqlite:///{path}", busy_timeout=LOCK_PATIENCE) as store:
            yield store
        return
    patience = LOCK_PATIENCE.total_seconds()
    async with (
        aiosqlite.connect(path, isolation_level=None, timeout=patience) as one,
        aiosqlite.connect(path, isolation_level=None, timeout=patience) as two,
    ):
        one.row_factory = _by_name  # type: ignore[assignment]  # any callable, in truth
        two.row_factory = sqlite3.Row
        async with SqliteLinkStore(one, reader=two if kind == "sqlite-own-pair" else None) as store:
            yield store


def _by_name(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    """Make of a row what an application may want."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@asynccontextmanager
async def _in_postgres(kind: str, server: PostgresServer) -> AsyncGenerator[Place]:
    async with server.database_of_a_store() as dsn:
        other, outside = await asyncpg.connect(dsn), await asyncpg.connect(server.dsn)
        name = urlsplit(dsn).path[1:]
        await other.execute(
            f"ALTER DATABASE {name} SET lock_timeout = {LOCK_PATIENCE // timedelta(milliseconds=1)}"
        )

        async def execute(sql: str, *values: object) -> None:
            await other.execute(sql, *values)

        @asynccontextmanager
        async def locked() -> AsyncGenerator[None]:
            async with other.transaction():
                for table in ("links", "authorizations", "registrations"):
                    await other.execute(f"LOCK external_auth_{table} IN SHARE MODE")
                yield

        @asynccontextmanager
        async def cut() -> AsyncGenerator[None]:
            await outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            yield

        try:
            async with _postgres_store(kind, dsn) as store:
                yield Place(kind, store, execute, locked, cut)
        finally:
            await outside.close()
            other.terminate()


@asynccontextmanager
async def _postgres_store(kind: str, dsn: str) -> AsyncGenerator[Store]:
    if kind == "postgres":
        async with open_store(dsn) as store:
            yield store
        return
    pooling = kind == "postgres-transaction-pooling"
    options: dict[str, Any] = {"statement_cache_size": 0} if pooling else {}
    if kind == "postgres-own-names":
        options["connection_class"] = UniqueNamesConnection
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4, command_timeout=10, **options)
    try:
        async with PostgresLinkStore(pool, transaction_pooling=pooling) as own:
            yield own
    finally:
        pool.terminate()  # asyncpg 0.30 never closes a pool of which a connection could not be replaced
