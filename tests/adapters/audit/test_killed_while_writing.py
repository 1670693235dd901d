"""A process that is killed anywhere leaves a write and its entry, or neither."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from extauth import TokenSet, fingerprint, open_store
from extauth.domain.audit import audit_of
from tests.support.auditing_app import ALICE, BEFORE_THE_END, POINTS
from tests.support.postgres_admin import run, session

APP = Path(__file__).parents[2] / "support" / "auditing_app.py"
MOMENTS = (1, 2, 3, 5, 8, 13)
"""After how many writes the process is killed, while the next one is on its way."""


async def started(url: str, point: str) -> Any:
    """Start the application."""
    return await asyncio.create_subprocess_exec(
        sys.executable, str(APP), url, point, stdout=asyncio.subprocess.PIPE
    )


async def killed_after(url: str, line: bytes, point: str = "") -> None:
    """Let the application run until it has said this, and kill it."""
    process = await started(url, point)
    while (await process.stdout.readline()).strip() != line:
        pass
    process.kill()
    await process.wait()


async def left(url: str) -> tuple[int, list[Any], Any]:
    """Return the link's version, those that have an entry, and the newest entry."""
    async with open_store(url, keys="plain") as store:
        link = await store.get(ALICE)
        entries = [entry for _, entry in await audit_of(store).find()]
        assert link is not None
        assert entries[-1].hashed_access_token == fingerprint(link.tokens.access_token)
        return link.version, [entry.version for entry in entries], entries[-1]


@pytest.mark.parametrize("point", POINTS)
async def test_killed_within_a_transaction_in_sqlite(point, tmp_path):
    """Before its end neither is there, afterwards both."""
    url = f"sqlite:///{tmp_path}/links.db"
    await killed_after(url, b"here", point)
    version, entered, _ = await left(url)
    assert version == BEFORE_THE_END + (point == POINTS[2])
    assert entered == list(range(1, version + 1))


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """The URL of an empty store that several processes can open."""
    async with AsyncExitStack() as stack:
        if request.param == "postgres":
            yield await stack.enter_async_context(postgres_server.fresh_database())
        else:
            yield f"sqlite:///{tmp_path}/links.db"


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_while_it_writes(url, moment):
    """Every version that is or was there has its entry, and no other."""
    await killed_after(url, b"%d" % moment)
    version, entered, _ = await left(url)
    assert version >= moment
    assert entered == list(range(1, version + 1))


@pytest.mark.parametrize("server_dies", [True, False])
async def test_killed_within_a_statement_in_postgres(postgres_dsn, server_dies):
    """While the entry is inserted: both are there once the server goes on, or neither if it dies, too."""
    async with open_store(postgres_dsn, keys="plain") as store, session(postgres_dsn) as gate:
        await store.put(ALICE, TokenSet("at-0", "rt-0"))
        await run(
            postgres_dsn,
            "CREATE FUNCTION wait_there() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$",
            "CREATE TRIGGER wait_there BEFORE INSERT ON external_auth_audit"
            " FOR EACH ROW EXECUTE FUNCTION wait_there()",
        )
        await gate.execute("SELECT pg_advisory_lock(7)")
        process = await started(postgres_dsn, "")
        while not (
            waiting := await gate.fetch(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
        ):
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        if server_dies:
            await gate.execute("SELECT pg_terminate_backend($1)", waiting[0]["pid"])
        await gate.execute("SELECT pg_advisory_unlock(7)")
        while await gate.fetch("SELECT pid FROM pg_stat_activity WHERE pid = $1", waiting[0]["pid"]):
            await asyncio.sleep(0.01)
        link = await store.get(ALICE)
        entered = [entry.version for _, entry in await store.audit.find()]
    assert link is not None
    assert (link.version, entered) == ((1, []) if server_dies else (2, [2]))
