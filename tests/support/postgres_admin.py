"""What a test does to a Postgres database beside the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[Any]:
    """Connect for a while."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def run(dsn: str, *statements: str) -> None:
    """Execute them one after the other."""
    async with session(dsn) as admin:
        for statement in statements:
            await admin.execute(statement)


@asynccontextmanager
async def role_of(dsn: str) -> AsyncIterator[str]:
    """Make a role that is neither owner nor superuser and may use all tables; yield its DSN."""
    async with session(dsn) as owner:
        role = f"app_{await owner.fetchval('SELECT current_database()')}"
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'app'")
        await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            yield dsn.replace("://postgres@", f"://{role}:app@", 1)
        finally:
            await owner.execute(f"DROP OWNED BY {role}")
            await owner.execute(f"DROP ROLE {role}")
