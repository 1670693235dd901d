"""Each way of breaking writes that share a transaction is caught by the test that was made for it."""

from __future__ import annotations

import pytest

from tests.proof.broken_groups import BUGS

EVERY_BUG = pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])


@EVERY_BUG
def test_each_bug_is_caught(bug, tmp_path, monkeypatch):
    """With the bug the test fails."""
    bug.make(monkeypatch)
    with pytest.raises((Exception, pytest.fail.Exception)):
        bug.look(tmp_path)


@EVERY_BUG
def test_nothing_is_caught_without_it(bug, tmp_path):
    """Without it the same test passes."""
    bug.look(tmp_path)
