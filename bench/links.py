"""Many stored links, quickly: through the driver, into the schema that ``open_store`` has made."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiosqlite
import asyncpg

from extauth import open_store

PROVIDER = "github"
LIFETIME = timedelta(hours=8)

COLUMNS = (
    "provider_id",
    "user_id",
    "version",
    "created_at",
    "updated_at",
    "oauth_access_token",
    "oauth_refresh_token",
    "oauth_expiry",
    "oauth_issued_at",
    "oauth_scopes",
    "oauth_token_type",
    "oauth_extra",
)


def user(number: int) -> str:
    return f"user-{number:07d}"


def _rows(count: int, now: Any, expiry: Any) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        # As long as the tokens of common providers.
        tokens = f"at-{number:037d}", f"rt-{number:073d}"
        yield (PROVIDER, user(number), 1, now, now, *tokens, expiry, now, '["repo", "user"]', "Bearer", "")


async def fill_sqlite(path: Path, count: int) -> None:
    """Make a file with ``count`` links whose tokens are fresh."""
    async with open_store(f"sqlite:///{path}", keys="plain"):
        pass
    now = int(time.time() * 1e6)
    rows = _rows(count, now, now + LIFETIME // timedelta(microseconds=1))
    places = ", ".join("?" * len(COLUMNS))
    async with aiosqlite.connect(path) as db:
        await db.executemany(
            f"INSERT INTO external_auth_links ({', '.join(COLUMNS)}) VALUES ({places})", rows
        )
        await db.commit()
        await db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def fill_postgres(dsn: str, count: int) -> None:
    """Put ``count`` links whose tokens are fresh into an empty database."""
    async with open_store(dsn, keys="plain"):
        pass
    now = datetime.now(UTC)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.copy_records_to_table(
            "external_auth_links", records=_rows(count, now, now + LIFETIME), columns=COLUMNS, timeout=600
        )
        await connection.execute("VACUUM ANALYZE external_auth_links")
    finally:
        await connection.close()


@asynccontextmanager
async def database(dsn: str, name: str) -> AsyncGenerator[str, None]:
    """Make a database on the server, yield its DSN, and drop it."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(dsn)._replace(path=f"/{name}").geturl()
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
