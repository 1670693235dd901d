"""Where the links of one test are kept: a place of its own, gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from extauth.extras import extra_needed
from extauth.testing.plugin.backends import MEMORY, SQLITE


@asynccontextmanager
async def store_url(backend: str, folder: Path, dsn: str) -> AsyncGenerator[str]:
    """Yield the URL of an empty store."""
    if backend == MEMORY:
        yield "memory://"
    elif backend == SQLITE:
        yield f"sqlite:///{folder / 'extauth_links.db'}"
    else:
        async with _own_schema(dsn) as url:
            yield url


@asynccontextmanager
async def _own_schema(dsn: str) -> AsyncGenerator[str]:
    """Yield the address with a schema of the test's own as its search path; no right but CREATE is needed."""
    name = f"extauth_test_{uuid.uuid4().hex}"
    await _execute(dsn, f"CREATE SCHEMA {name}")
    try:
        parts = urlsplit(dsn)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("search_path", name)])
        yield urlunsplit(parts._replace(query=query))
    finally:
        await _execute(dsn, f"DROP SCHEMA {name} CASCADE")


async def _execute(dsn: str, statement: str) -> None:
    with extra_needed("postgres"):
        import asyncpg  # noqa: PLC0415 - not before a test is to run on it
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
