"""Readiness, on real stores."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

import extauth
from extauth import LinkKey, NotAuthorized, Readiness, TokenSet
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.readiness import ping
from extauth.testing import ScriptedLinkingProvider
from tests.support.faulty_store import FaultyStore

READY = (None, True, 200)
KEYS = {"plain": "plain", "encrypted": EncryptionKey.generate("k")}


def told(readiness: Readiness) -> tuple[str | None, bool, int]:
    """Return all that a probe can look at."""
    return readiness.reason, readiness.ready, readiness.status


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
async def test_a_file_that_is_gone(tmp_path: Path, keys):
    """A store that answers is ready; one whose file was moved away is not, and is asked no provider."""
    provider = ScriptedLinkingProvider("app")
    async with extauth.open(tmp_path / "links.db", [provider], keys=keys) as auth:
        assert told(await auth.ready()) == READY
        (tmp_path / "links.db").rename(tmp_path / "moved.db")
        assert told(await auth.ready()) == ("store_unavailable", False, 503)
        (tmp_path / "moved.db").rename(tmp_path / "links.db")


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
async def test_a_column_that_is_missing(postgres_dsn: str, keys):
    """A database that was restored from before the last migration is told."""
    async with extauth.open(postgres_dsn, [], keys=keys) as auth:
        assert told(await auth.ready()) == READY
        connection = await asyncpg.connect(postgres_dsn)
        await connection.execute("ALTER TABLE external_auth_links RENAME COLUMN account_login TO login")
        assert told(await auth.ready()) == ("store_unavailable", False, 503)
        await connection.execute("ALTER TABLE external_auth_links RENAME COLUMN login TO account_login")
        assert told(await auth.ready()) == READY
        await connection.close()


async def test_a_newer_schema_is_no_reason(postgres_dsn: str):
    """In a rolling upgrade the replicas that are not upgraded yet must go on."""
    async with extauth.open(postgres_dsn, [], keys="plain") as auth:
        connection = await asyncpg.connect(postgres_dsn)
        await connection.execute("UPDATE external_auth_meta SET schema_version = schema_version + 1")
        await connection.execute("ALTER TABLE external_auth_links ADD COLUMN of_later text")
        assert told(await auth.ready()) == READY
        await connection.close()


async def test_a_locked_table_is_not_waited_for(postgres_dsn: str):
    """A probe gets its answer within the time that it gives, and the store works on afterwards."""
    patience = timedelta(minutes=10)
    async with extauth.open(postgres_dsn, [], keys="plain", command_timeout=patience) as auth:
        connection = await asyncpg.connect(postgres_dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE external_auth_links IN ACCESS EXCLUSIVE MODE")
            asked = auth.ready(within=timedelta(milliseconds=50))
            assert told(await asked) == ("store_unavailable", False, 503)
        assert told(await auth.ready()) == READY
        await connection.close()


async def test_while_it_is_closed():
    """From the moment in which leaving begins, while a refresh is still finished."""
    provider = ScriptedLinkingProvider("app")
    provider.tokens.gate = asyncio.Event()
    store = MemoryLinkStore()
    await store.put(LinkKey("app", "alice"), provider.tokens.grant())
    async with asyncio.TaskGroup() as tasks:
        opening = extauth.open(store, [provider])
        auth = await opening.__aenter__()
        tasks.create_task(auth.refresh("app", "alice"))
        await provider.tokens.exchanging.wait()
        leaving = tasks.create_task(opening.__aexit__(None, None, None))
        await asyncio.sleep(0)
        assert told(await auth.ready()) == ("closing", False, 503)
        assert not leaving.done()
        provider.tokens.gate.set()


async def test_a_store_without_ping_is_asked_for_a_link():
    """One that others wrote need not have it."""

    class TheirStore:
        def __init__(self):
            self.inner = FaultyStore(MemoryLinkStore())

        def __getattr__(self, name):
            if name == "ping":
                raise AttributeError(name)
            return getattr(self.inner, name)

    store = TheirStore()
    async with extauth.open(store, []) as auth:
        store.inner.calls.clear()
        assert told(await auth.ready()) == READY
        store.inner.before["get"].append(extauth.StoreUnavailable("down"))
        assert told(await auth.ready()) == ("store_unavailable", False, 503)
        assert dict(store.inner.calls) == {"get": 2}


async def test_what_somebody_must_mend(tmp_path: Path):
    """A store that says so is told apart from one that does not answer now."""
    store = FaultyStore(MemoryLinkStore())
    async with extauth.open(store, []) as auth:
        store.before["ping"].append(extauth.ConfigurationError("no right to read"))
        assert told(await auth.ready()) == ("store_misconfigured", False, 503)


async def test_no_time_at_all():
    """A slip of whoever calls, told as such."""
    async with extauth.open("memory://", []) as auth:
        with pytest.raises(ValueError, match="within must be positive"):
            await auth.ready(within=timedelta(0))


async def test_a_ping_reads_no_row(postgres_dsn: str):
    """It costs the same however many links there are."""
    async with extauth.open_store(postgres_dsn, keys="plain") as store:
        for n in range(50):
            await store.put(LinkKey("app", f"user-{n}"), TokenSet("at-1"))
        await ping(store)
        connection = await asyncpg.connect(postgres_dsn)
        from extauth.adapters.postgres.statements import PING

        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN ANALYZE {PING}"))
        assert "never executed" in plan
        await connection.close()


async def test_a_guarded_store_is_probed_in_nobodys_name():
    """Who answers a probe acts for no user, and needs no role for it."""
    async with extauth.open(GuardedStore(MemoryLinkStore()), []) as auth:
        with pytest.raises(NotAuthorized):
            await auth.store.get(LinkKey("app", "alice"))
        assert told(await auth.ready()) == READY
