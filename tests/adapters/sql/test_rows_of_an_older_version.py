"""Rows whose credentials no column dates, as those of schema version 5, under an application's trigger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial

import pytest

from extauth import LinkKey, RefreshFailure, TokenSet, open_store
from extauth.domain.outcomes import Recorded, Saved
from tests.support.postgres_admin import run

KEY = LinkKey("github", "alice")
UNDATED = "UPDATE external_auth_links SET oauth_written_at = NULL"
TOUCHED = {
    "sqlite": "UPDATE external_auth_links SET updated_at = updated_at + 1",
    "postgres": "UPDATE external_auth_links SET updated_at = clock_timestamp()",
}


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request, tmp_path, postgres_server):
    """The address of an empty store, and what changes its rows behind its back."""
    if request.param == "postgres":
        async with postgres_server.fresh_database() as dsn:
            yield dsn, partial(run, dsn), TOUCHED["postgres"]
        return
    path = tmp_path / "links.db"

    async def execute(sql):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(sql)
        connection.close()

    yield f"sqlite:///{path}", execute, TOUCHED["sqlite"]


async def test_a_touched_row_takes_the_tokens_of_its_version(database):
    """The only tokens that work are stored, and so is a mark, though ``updated_at`` has moved since."""
    url, execute, touched = database
    async with open_store(url) as store:
        await store.put(KEY, TokenSet("access-1", "refresh-1"))
        await execute(UNDATED)
        link = await store.get(KEY)
        await execute(touched)
        assert link.updated_at != (await store.get(KEY)).updated_at
        failure = RefreshFailure("invalid_grant", link.updated_at, link.version)
        marked = await store.record_failure(KEY, link.version, failure, written_at=link.updated_at)
        saved = await store.save(KEY, 1, TokenSet("access-2", "refresh-2"), written_at=link.updated_at)
    assert (Recorded, Saved) == (type(marked), type(saved))
