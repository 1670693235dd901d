"""Setting a store's clock, without setting the machine's."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType

import pytest

from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres import statements as postgres
from extauth.adapters.sqlite import statements as sqlite


def jump(store: object, span: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock of an open store ahead, or back if ``span`` is negative."""
    if isinstance(store, MemoryLinkStore):
        now = store._now
        monkeypatch.setattr(store, "_now", lambda: now() + span)
        return
    statements: ModuleType
    if isinstance(store, PostgresLinkStore):
        statements, clock = postgres, "clock_timestamp()"
        other = f"({clock} + interval '{span.total_seconds():f} seconds')"
    else:
        statements, clock = sqlite, sqlite.NOW
        other = f"({clock} + {span // timedelta(microseconds=1)})"
    for name, text in vars(statements).items():
        if isinstance(text, str) and name.isupper() and clock in text:
            monkeypatch.setattr(statements, name, text.replace(clock, other))
