"""Where the links of one test are kept: a place of its own, gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from extauth.domain.link import LinkKey
from extauth.domain.token_set import TokenSet
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
        url = urlunsplit(parts._replace(query=query))
        await _use(url, name)
        yield url
    finally:
        await _execute(dsn, f"DROP SCHEMA {name} CASCADE")


async def _use(url: str, schema: str) -> None:
    """Have a link come and go there: an empty store is refused where another schema holds links."""
    from extauth.opening import open_store  # noqa: PLC0415

    key = LinkKey("example", "nobody")
    async with open_store(url, keys="plain", schema=schema) as store:
        await store.put(key, TokenSet("example"))
        await store.delete(key)


async def _execute(dsn: str, statement: str) -> None:
    with extra_needed("postgres"):
        import asyncpg  # noqa: PLC0415 - not before a test is to run on it
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
