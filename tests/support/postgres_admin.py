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


TABLES = (
    "external_auth_links",
    "external_auth_authorizations",
    "external_auth_registrations",
    "external_auth_outbox",
    "external_auth_audit",
)


async def empty(dsn: str) -> None:
    """Leave nothing of the test before in extauth's tables, nor of its sessions."""
    await run(
        dsn,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        f"TRUNCATE external_auth_meta, {', '.join(TABLES)}",
    )


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
