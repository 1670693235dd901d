"""Each way of breaking the audit trail is caught by the test that was made for it, which passes otherwise."""

from __future__ import annotations

import pytest

from tests.proof.broken_audits import BUGS

Caught = (Exception, pytest.fail.Exception)
"""A failed assert, an error that was not expected, or one that did not come."""


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_is_caught(name, tmp_path, monkeypatch):
    """With the bug the check fails."""
    patch, check = BUGS[name]
    patch(monkeypatch)
    with pytest.raises(Caught):
        check(tmp_path)


@pytest.mark.parametrize("name", BUGS)
def test_nothing_is_caught_without_it(name, tmp_path):
    """Without it the same check passes."""
    _, check = BUGS[name]
    check(tmp_path)
