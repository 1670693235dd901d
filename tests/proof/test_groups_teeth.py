"""Each way of breaking writes that share a transaction is caught by the test that was made for it."""

from __future__ import annotations

import pytest

from tests.proof.broken_groups import BUGS
from tests.proof.broken_groups_in_postgres import BUGS as IN_POSTGRES

CAUGHT = (Exception, pytest.fail.Exception)
EVERY_BUG = pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])
EVERY_BUG_IN_POSTGRES = pytest.mark.parametrize(
    "bug", [pytest.param(bug, id=bug.name) for bug in IN_POSTGRES]
)


@EVERY_BUG
def test_each_bug_is_caught(bug, tmp_path, monkeypatch):
    """With the bug the test fails."""
    bug.make(monkeypatch)
    with pytest.raises(CAUGHT):
        bug.look(tmp_path)


@EVERY_BUG
def test_nothing_is_caught_without_it(bug, tmp_path):
    """Without it the same test passes."""
    bug.look(tmp_path)


@EVERY_BUG_IN_POSTGRES
async def test_each_bug_is_caught_in_postgres(bug, postgres_dsn, monkeypatch):
    """With the bug the test, which passes without it, fails."""
    bug.make(monkeypatch)
    with pytest.raises(CAUGHT):
        await bug.check(postgres_dsn, *bug.arguments)
