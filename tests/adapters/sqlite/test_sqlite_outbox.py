"""What makes a SQLite file write events, where another program has been at it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from extauth import LinkKey, TokenSet, open_store
from extauth.adapters.sqlite.outbox_schema import TRIGGERS
from extauth.testing.contract.outbox.harness import broken_link, kinds, taken

ALICE = LinkKey("github", "alice")
NAMES = [f"external_auth_links_{name}" for name in ("broken", "recovered", "expiring", "forget")]
MARK = """UPDATE external_auth_links SET oauth_refresh_failure_reason = 'x',
oauth_refresh_failure_version = version"""


@pytest.mark.parametrize("name", NAMES)
async def test_lost_triggers_are_put_back(name, tmp_path):
    """Before events are delivered, whoever has rebuilt the table."""
    assert len(NAMES) == len(TRIGGERS)
    async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
        with closing(sqlite3.connect(tmp_path / "links.db")) as other:
            other.execute(f"DROP TRIGGER {name}")
        await store.outbox.keep_on()
        version = await broken_link(store)
        assert [("link.broken", ALICE, version)] == kinds(await taken(store))
        with closing(sqlite3.connect(tmp_path / "links.db")) as other:
            found = other.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        assert (name,) in found


async def test_what_is_undone_is_not_told(tmp_path):
    """A mark that is rolled back has not happened, and one that is committed has."""
    async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
        await store.outbox.keep_on()
        await store.put(ALICE, TokenSet("at", "rt"))
        with closing(sqlite3.connect(tmp_path / "links.db", isolation_level=None)) as other:
            for end, events in (("ROLLBACK", 0), ("COMMIT", 1)):
                other.execute("BEGIN")
                other.execute(MARK)
                assert (await store.outbox.counts()).waiting == 0
                other.execute(end)
                assert (await store.outbox.counts()).waiting == events
