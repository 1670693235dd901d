"""A commit waits for the disk, whatever the server's default."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.token_set import TokenSet
from tests.support.grouped_in_postgres import at_once

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at-1", "rt-1")
FAILURE = RefreshFailure("invalid_grant", datetime(2030, 1, 1, tzinfo=UTC), 1)

Write: TypeAlias = Callable[[PostgresLinkStore], Awaitable[object]]

WRITES: dict[str, Write] = {
    "insert": lambda store: store.put(LinkKey("github", "bob"), TOKENS),
    "put": lambda store: store.put(KEY, TOKENS),
    "delete": lambda store: store.delete(KEY),
    "claim": lambda store: store.claim(KEY, 1, "other", timedelta(seconds=30)),
    "save": lambda store: store.save(KEY, 1, TOKENS),
    "record_failure": lambda store: store.record_failure(KEY, 1, FAILURE),
    "lift_failure": lambda store: store.lift_failure("github"),
    "release": lambda store: store.release(KEY, 1, "owner", unresolved=True),
    "reseal": lambda store: store.reseal(KEY, 1, TokenSet("at-9", "rt-9")),
    "claims together": lambda store: at_once(store.claim(KEY, 1, "other", timedelta(seconds=30))),
    "saves together": lambda store: at_once(store.save(KEY, 1, TOKENS)),
    "marks together": lambda store: at_once(store.record_failure(KEY, 1, FAILURE)),
    "releases together": lambda store: at_once(store.release(KEY, 1, "owner", unresolved=True)),
}

# A deferred trigger runs at the end of the transaction: what it sees is what the commit goes by.
WITNESS = """
CREATE TABLE witness (setting text, log_end pg_lsn DEFAULT pg_current_wal_insert_lsn());
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO witness (setting) VALUES (current_setting('synchronous_commit'));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON external_auth_links
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
"""


@pytest.fixture
async def witness(postgres_dsn):
    """A session to look with, in a database with a marked and leased link and a witness of commits."""
    connection = await asyncpg.connect(postgres_dsn)
    try:
        async with PostgresLinkStore.open(postgres_dsn) as store:
            await store.put(KEY, TOKENS)
            await store.record_failure(KEY, 1, FAILURE)
            await store.claim(KEY, 1, "owner", timedelta(microseconds=1))
        await connection.execute(WITNESS)
        yield connection
    finally:
        await connection.close()


async def _set_default(connection: asyncpg.Connection[asyncpg.Record], value: str) -> None:
    database = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = {value}")


@pytest.mark.parametrize("pooling", [False, True], ids=["plain", "pooling"])
@pytest.mark.parametrize("default", ["off", "local", "remote_write", "on"])
async def test_every_write_commits_synchronously(postgres_dsn, witness, default, pooling):
    """A weaker default of the database does not weaken any write; the session keeps it."""
    await _set_default(witness, default)
    async with PostgresLinkStore.open(postgres_dsn, transaction_pooling=pooling) as store:
        for name, write in WRITES.items():
            async with witness.transaction():
                # Each write begins with the same link, and must change it.
                await witness.execute("DELETE FROM external_auth_links; SET CONSTRAINTS ALL IMMEDIATE")
                await witness.execute("TRUNCATE witness")
                await witness.execute(
                    "INSERT INTO external_auth_links VALUES ('github', 'alice', 1, now(), now(), 'at', NULL,"
                    " 'rt', NULL, NULL, NULL, '', 'Bearer', '', NULL, NULL, 'invalid_grant', now(), 1, now(),"
                    " 1, 'owner', now(), now(), NULL); SET CONSTRAINTS ALL IMMEDIATE"
                )
                await witness.execute("TRUNCATE witness")
            await write(store)
            seen = {row[0] for row in await witness.fetch("SELECT setting FROM witness")}
            assert (name, {"on"}) == (name, seen)
        session = await store._connections.read("SELECT current_setting('synchronous_commit')")

    assert default == session[0][0]


@pytest.mark.parametrize("name", list(WRITES))
async def test_a_stronger_default_is_kept(postgres_dsn, witness, name):
    """Where commits wait until replicas have applied them, extauth's do too."""
    await _set_default(witness, "remote_apply")
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await WRITES[name](store)

    assert {"remote_apply"} == {row[0] for row in await witness.fetch("SELECT setting FROM witness")}


async def test_the_log_is_flushed_when_a_write_returns(postgres_dsn, witness):
    """With synchronous_commit off by default, the write-ahead log is on disk as far as the write went."""
    await _set_default(witness, "off")
    async with PostgresLinkStore.open(postgres_dsn) as store:
        for number in range(20):
            await store.save(KEY, number + 1, TOKENS)
            assert await witness.fetchval("SELECT pg_current_wal_flush_lsn() >= max(log_end) FROM witness")
