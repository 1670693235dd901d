"""What is left in a session: nothing, so that whoever has it next finds it as it was."""

from __future__ import annotations

import asyncio

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.audit import AuditEntry, AuditKind
from tests.adapters.postgres.whole_store import KEY, TOKENS


async def test_arrays_leave_no_setting(postgres_dsn):
    """The driver looks up the types of most arrays, and leaves ``jit`` set in the session for that."""
    entry = AuditEntry(kind=AuditKind.CONNECTED, provider_id="p", user_id="alice", version=3)
    async with PostgresLinkStore.open(postgres_dsn, max_size=1) as store:
        await store.put(KEY, TOKENS)
        await store.audit.append([entry, entry])
        await asyncio.gather(*(store.save(KEY, 1, TOKENS) for _ in range(3)))
        await store.outbox.requeue([1, 2])
        await store.outbox.discard([1])
        rows = await store._connections.read("SELECT source FROM pg_settings WHERE name = 'jit'")
        assert [row[0] for row in rows] == ["default"]
        found = await store.audit.find()
        assert [one.version for _, one in found] == [3, 3]
