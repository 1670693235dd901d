"""How SQLite finds the links that are read by key."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from extauth import open_store
from extauth.adapters.sqlite import statements
from extauth.adapters.sqlite.rows import provider_parameters


async def test_reading_several_links_never_scans_the_table(tmp_path):
    """The cost of a batch must not grow with the links that are stored."""
    path = tmp_path / "links.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path)) as db:
        sql = statements.GET_MANY % "(?,?),(?,?)"
        plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", ("github", "a", "github", "b")).fetchall()
    steps = [step[3] for step in plan]
    assert [step for step in steps if step.startswith("SCAN external_auth_links")] == []
    assert any(step.startswith("SEARCH external_auth_links") for step in steps)


async def test_lifting_marks_never_scans_the_table(tmp_path):
    """A provider's links and those named below it are two ranges of the primary key."""
    path = tmp_path / "links.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    parameters = {**provider_parameters("github"), "user_id": None, "reason": None, "since": None}
    with closing(sqlite3.connect(path)) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {statements.LIFT_FAILURE}", parameters).fetchall()
    steps = [step[3] for step in plan]
    assert [step for step in steps if step.startswith("SCAN")] == []
    assert len([step for step in steps if step.startswith("SEARCH external_auth_links")]) == 2
