"""A bug in one statement of the SQLite and Postgres stores: what is replaced by what, and who notices.

Parameters that a broken statement has no other use for still appear in Postgres, which wants a type for
each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, final

import attrs
import pytest

from extauth.adapters.postgres import import_statements as postgres_imports
from extauth.adapters.postgres import linking_statements as postgres_linking
from extauth.adapters.postgres import sealed_statements as postgres_sealed
from extauth.adapters.postgres import statements as postgres
from extauth.adapters.sqlite import import_statements as sqlite_imports
from extauth.adapters.sqlite import linking_statements as sqlite_linking
from extauth.adapters.sqlite import sealed_statements as sqlite_sealed
from extauth.adapters.sqlite import statements as sqlite

NOTHING = ""


@final
@attrs.frozen
class Bug:
    """One statement, broken in both stores."""

    name: str
    statement: str
    method: str
    caught_by: str
    sqlite: tuple[str, str]
    """What is replaced, and by what."""
    postgres: tuple[str, str]

    def put_into(self, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break the statement of that store until the test ends."""
        modules = {
            "sqlite": (sqlite, sqlite_linking, sqlite_imports, sqlite_sealed),
            "postgres": (postgres, postgres_linking, postgres_imports, postgres_sealed),
        }[store]
        module: ModuleType = next(module for module in modules if hasattr(module, self.statement))
        old, new = getattr(self, store)
        healthy: str | Mapping[Any, str] = getattr(module, self.statement)
        broken: str | Mapping[Any, str]
        if isinstance(healthy, str):
            broken = healthy.replace(old, new)
        else:
            broken = {by: statement.replace(old, new) for by, statement in healthy.items()}
        assert broken != healthy, f"{self.name} would break nothing"
        monkeypatch.setattr(module, self.statement, broken)


def both(old: str, new: str) -> dict[str, Any]:
    """Replace the same in both."""
    return {"sqlite": (old, new), "postgres": (old, new)}


def no_version(number: str, *, used: bool = False) -> dict[str, Any]:
    """Leave the version out of the condition; ``number`` is its parameter in Postgres."""
    instead = NOTHING if used else f" AND {number}::bigint IS NOT NULL"
    return {
        "sqlite": (" AND version = :version", NOTHING),
        "postgres": (f" AND version = {number}", instead),
    }
