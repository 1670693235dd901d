"""Each way of breaking access control is caught by the test that was made for it, which passes otherwise."""

from __future__ import annotations

import pytest

from tests.proof.broken_guards import BUGS, run

Caught = (Exception, pytest.fail.Exception)
"""A failed assert, an error that was not expected, or one that did not come."""


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_is_caught(name, monkeypatch):
    """With the bug the check fails."""
    patch, check = BUGS[name]
    patch(monkeypatch)
    with pytest.raises(Caught):
        run(check)


@pytest.mark.parametrize("name", BUGS)
def test_nothing_is_caught_without_it(name):
    """Without it the same check passes."""
    _, check = BUGS[name]
    run(check)
