"""An entry that cannot be written takes its write with it, in whatever database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from extauth import AuditTrail, LinkKey, RefreshFailure, StoreUnavailable, TokenSet, open_store
from extauth.adapters.audit import AuditedStore
from tests.support.postgres_admin import run

ALICE, BOB = LinkKey("app", "alice"), LinkKey("app", "bob")
TOKENS = TokenSet("at", "rt")
DROP = "DROP TABLE external_auth_audit"


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """The URL of an empty store."""
    async with AsyncExitStack() as stack:
        if request.param == "postgres":
            yield await stack.enter_async_context(postgres_server.fresh_database())
        else:
            yield f"sqlite:///{tmp_path}/links.db"


async def drop(url: str) -> None:
    """Take the table of entries away under an open store."""
    if url.startswith("sqlite"):
        async with aiosqlite.connect(Path(url.removeprefix("sqlite:///"))) as connection:
            await connection.execute(DROP)
    else:
        await run(url, DROP)


async def test_no_entry_no_write(url):
    """Each kind of write is undone, and the store goes on serving what needs no entry."""
    async with open_store(url, keys="plain") as store:
        await store.put(ALICE, TOKENS)
        before = await store.get(ALICE)
        mark = RefreshFailure(reason="invalid_grant", at=await store.time(), version=1)
        audited: Any = AuditedStore(store, AuditTrail.in_store())
        await drop(url)
        for write, *arguments in (
            (audited.put, ALICE, TokenSet("at-2", "rt-2")),
            (audited.put, BOB, TOKENS),
            (audited.save, ALICE, 1, TokenSet("at-2", "rt-2")),
            (audited.record_failure, ALICE, 1, mark),
            (audited.delete, ALICE),
        ):
            with pytest.raises(StoreUnavailable):
                await write(*arguments)
        assert await store.get(ALICE) == before
        assert await store.get(BOB) is None
        await store.save(ALICE, 1, TOKENS)
