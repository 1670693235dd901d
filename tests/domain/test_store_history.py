"""What a store says of its database's history."""

from __future__ import annotations

from types import SimpleNamespace

from extauth.domain.store_history import history_of


def test_a_store_may_say_nothing_of_its_history():
    """What it has as ``history`` says it."""
    history = object()
    assert history_of(SimpleNamespace(history=history)) is history
    assert history_of(object()) is None
