"""Each way of breaking a rotation is caught by the test that was made for it, which passes otherwise."""

from __future__ import annotations

import pytest

from tests.proof.broken_rotations import BUGS

Caught = (Exception, pytest.fail.Exception)
"""A failed assert, an error that was not expected, or one that did not come."""


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_is_caught(name, monkeypatch):
    """With the bug the test fails."""
    patch, check = BUGS[name]
    patch(monkeypatch)
    with pytest.raises(Caught) as caught:
        check()
    assert not isinstance(caught.value, (AttributeError, NameError)), "the bug fits its code no more"


@pytest.mark.parametrize("name", BUGS)
def test_nothing_is_caught_without_it(name):
    """Without it the same test passes."""
    _, check = BUGS[name]
    check()
