"""What is due in a file: from an index, a page at a time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from extauth import LinkKey, TokenSet
from extauth.adapters.sqlite import SqliteLinkStore, statements
from extauth.adapters.sqlite.rows import due_parameters
from extauth.domain.due import Due, DueBy

SOME_DAY = datetime(2030, 7, 1, tzinfo=UTC)
LATER = SOME_DAY + timedelta(days=1)
KEY = LinkKey("github", "alice")


@pytest.mark.parametrize("by", DueBy)
async def test_a_page_is_a_walk_along_an_index(by, tmp_path):
    """It begins where the last one ended, also among links that are due at the same moment, and sorts no
    more than itself."""
    path = tmp_path / "links.db"
    async with SqliteLinkStore.open(path):
        pass
    parameters = due_parameters("github", LATER, Due(SOME_DAY, KEY), 100)
    with closing(sqlite3.connect(path)) as db:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statements.DUE[by]}", parameters)]
    index = f"SEARCH external_auth_links USING INDEX external_auth_links_by_{by.value}"
    walks = [step for step in plan if "external_auth_links" in step]
    assert walks == [
        f"{index} (<expr>=? AND <expr>=? AND (provider_id,user_id)>(?,?))",
        f"{index} (<expr>=? AND <expr>>? AND <expr><?)",
    ]
    inner = plan[plan.index(walks[0]) : plan.index(walks[0]) + 2]
    assert not any("ORDER BY" in step for step in inner)


async def test_a_row_that_no_link_has_ends_no_sweep(tmp_path, caplog):
    """Another program wrote a user id that is none: the others are listed, and the log says so."""
    path = tmp_path / "links.db"
    async with SqliteLinkStore.open(path) as store:
        for user in ("alice", "bob"):
            await store.put(LinkKey("github", user), TokenSet("at", "rt", expires_at=SOME_DAY))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE external_auth_links SET user_id = x'00' WHERE user_id = 'alice'")
        page = await store.due("github", DueBy.EXPIRY, LATER)
    assert page == [Due(SOME_DAY, LinkKey("github", "bob"))]
    assert "upkeep leaves out a row of external_auth_links" in caplog.text
