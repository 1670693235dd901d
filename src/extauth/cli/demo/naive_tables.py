"""Opening the naive loop's table in whichever database there is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import unquote

from extauth.cli.demo.naive import NaiveTable


@asynccontextmanager
async def open_table(store: str, name: str) -> AsyncGenerator[NaiveTable, None]:
    """Open the table ``name`` in the database of the store's URL."""
    scheme, _, rest = store.partition("://")
    if scheme == "sqlite":
        from extauth.cli.demo.naive_sqlite import open_sqlite_table  # noqa: PLC0415 - a driver each

        async with open_sqlite_table(unquote(rest.removeprefix("/")), name) as table:
            yield table
    else:
        from extauth.cli.demo.naive_postgres import open_postgres_table  # noqa: PLC0415 - a driver each

        async with open_postgres_table(store, name) as table:
            yield table
