"""A key never sees the same version twice, whatever runs at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, connections
from extauth.domain.link import Link, LinkKey, RefreshFailure
from extauth.domain.outcomes import Absent, Saved, Stale
from extauth.domain.token_set import TokenSet
from tests.servers.row_lock import locked

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at-1", "rt-1")


async def test_a_key_gets_no_version_again_after_a_delete(postgres_dsn):
    """An exchange begun before an unlink cannot be saved over the link made after it."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        before = await store.put(KEY, TOKENS)
        await store.save(KEY, before.version, TOKENS)
        await store.delete(KEY)
        after = await store.put(KEY, TOKENS)
        late = await store.save(KEY, before.version, TokenSet("at-2", "rt-2"))

    assert (before.version, after.version) == (1, 3)
    assert Stale(after) == late


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_versions_grow_through_any_mix_of_puts_and_deletes(postgres_server, isolation):
    """Many connections put and delete one key: no call fails, and no version is given twice."""
    async with postgres_server.fresh_database() as dsn:
        await _set_default(dsn, "default_transaction_isolation", isolation)
        async with PostgresLinkStore.open(dsn, max_size=8) as store:
            put: list[Link] = []
            deleted: list[Link] = []

            async def worker(number: int) -> None:
                for step in range(20):
                    if (number + step) % 2:
                        put.append(await store.put(KEY, TokenSet(f"at-{number}-{step}")))
                    elif (link := await store.delete(KEY)) is not None:
                        deleted.append(link)

            await asyncio.gather(*map(worker, range(8)))
            last = await store.put(KEY, TOKENS)

    versions = [link.version for link in put]
    assert len(versions) == len(set(versions))
    assert set(versions) >= {link.version for link in deleted}
    assert len(deleted) == len({link.version for link in deleted})
    assert last.version > max(versions)
    made = {link.version: link for link in put}
    assert all(made[link.version].tokens == link.tokens for link in deleted)


async def test_deletes_at_once_retire_each_version(postgres_dsn):
    """Two deletes of different links that wait for each other both count."""
    keys = [LinkKey("github", user) for user in ("alice", "bob", "carol")]
    async with PostgresLinkStore.open(postgres_dsn) as store:
        for version, key in enumerate(keys, 1):
            for _ in range(version):
                await store.put(key, TOKENS)
        async with locked(postgres_dsn, "external_auth_meta") as gate:
            deletes = [asyncio.create_task(store.delete(key)) for key in reversed(keys)]
            await gate.awaited(3)
        await asyncio.gather(*deletes)
        fresh = await store.put(LinkKey("github", "dave"), TOKENS)

    assert fresh.version == 4


async def test_a_put_that_waited_for_a_delete_starts_above_it(postgres_dsn, monkeypatch):
    """A put sees the version that a delete under way retires, though it began before its commit.

    Neither is in the other's way for ever: a deadlock would be repeated, and is not even needed.
    """
    monkeypatch.setattr(connections, "MOST_CONFLICTS", 0)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        for _ in range(5):
            await store.put(KEY, TOKENS)
        async with locked(postgres_dsn) as gate:
            delete = asyncio.create_task(store.delete(KEY))
            await gate.awaited(1)
            put = asyncio.create_task(store.put(KEY, TOKENS))
            await gate.awaited(2)
        gone, link = await asyncio.gather(delete, put)

    assert gone is not None
    assert (gone.version, link.version) == (5, 6)


async def test_of_two_saves_at_once_one_wins(postgres_dsn):
    """The second of two saves of one version waits for the first, and then finds it stale."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn) as gate:
            saves = [asyncio.create_task(store.save(KEY, 1, TokenSet(f"at-{number}"))) for number in range(5)]
            await gate.awaited(5)
        outcomes = await asyncio.gather(*saves)
        now = await store.get(KEY)

    assert now is not None
    assert [Saved(now)] == [outcome for outcome in outcomes if isinstance(outcome, Saved)]
    assert [Stale(now)] * 4 == [outcome for outcome in outcomes if not isinstance(outcome, Saved)]


async def test_a_mark_that_waited_for_a_save_marks_nothing(postgres_dsn):
    """A loser that looked at the link before the winner saved does not mark the winner's tokens."""
    mark = RefreshFailure("invalid_grant", datetime(2026, 1, 1, tzinfo=UTC), 1)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn) as gate:
            save = asyncio.create_task(store.save(KEY, 1, TokenSet("at-2", "rt-2")))
            await gate.awaited(1)
            record = asyncio.create_task(store.record_failure(KEY, 1, mark))
            await gate.awaited(2)
        saved = await save
        outcome = await record
        now = await store.get(KEY)

    assert now is not None
    assert now.failure is None
    assert Saved(now) == saved
    assert Stale(now) == outcome


async def test_a_save_that_waited_for_a_delete_brings_nothing_back(postgres_dsn):
    """A save never inserts, not even if the link was there when it began."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn) as gate:
            delete = asyncio.create_task(store.delete(KEY))
            await gate.awaited(1)
            save = asyncio.create_task(store.save(KEY, 1, TokenSet("at-2")))
            await gate.awaited(2)
        await delete
        outcome = await save

        assert Absent() == outcome
        assert await store.get(KEY) is None


async def _set_default(dsn: str, setting: str, value: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {database} SET {setting} = '{value}'")
    finally:
        await connection.close()
