"""How long a connection is used: what is asked of it, and of one that is not ours."""

from __future__ import annotations

import math
from types import SimpleNamespace

from extauth.adapters.postgres import unique_names
from extauth.adapters.postgres.unique_names import in_use_until, is_aged, is_over


def test_a_connection_says_until_when_it_is_used():
    """One that extauth has made."""
    assert in_use_until(SimpleNamespace(extauth_until=12.5)) == 12.5


def test_one_of_the_applications_own_is_used_for_ever():
    """It says nothing of that."""
    assert in_use_until(SimpleNamespace()) == math.inf
    assert not is_aged(SimpleNamespace())


def test_it_is_aged_from_that_moment_on(monkeypatch):
    """Not only after it."""
    monkeypatch.setattr(unique_names, "time", SimpleNamespace(monotonic=lambda: 100.0))
    ages = [is_aged(SimpleNamespace(extauth_until=until)) for until in (99.9, 100.0, 100.1)]
    assert ages == [True, True, False]
    assert [is_over(until) for until in (99.9, 100.0, 100.1)] == ages
