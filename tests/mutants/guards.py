"""Which tests must kill the mutants of which modules, and how many of them at least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import attrs


@final
@attrs.frozen
class Guard:
    """Modules, as globs below ``src/extauth``, and the tests that guard them."""

    name: str
    modules: Sequence[str]
    tests: Sequence[str]


GUARDS: Sequence[Guard] = (
    Guard("domain", ["domain/*.py"], ["tests/domain"]),
    Guard("services", ["services/*.py"], ["tests/services"]),
    Guard("memory", ["adapters/memory.py"], ["tests/test_store_contract.py::TestMemoryLinkStore"]),
    Guard(
        "sqlite",
        ["adapters/sqlite/*.py"],
        [
            "tests/test_store_contract.py::TestSqliteLinkStore",
            "tests/test_store_contract.py::TestSqliteLinkStoreOnGivenConnection",
            "tests/sqlite",
        ],
    ),
    Guard(
        "postgres",
        ["adapters/postgres/*.py"],
        [
            "tests/test_store_contract.py::TestPostgresLinkStore",
            "tests/postgres/test_postgres_connections.py",
            "tests/postgres/test_postgres_durability.py",
            "tests/postgres/test_postgres_pooling.py",
            "tests/postgres/test_postgres_schema.py",
            "tests/postgres/test_postgres_values.py",
            "tests/postgres/test_postgres_versions.py",
        ],
    ),
)

FLOORS = {
    "domain/freshness.py": 90,
    "services/single_flight.py": 90,
    "services/tokens.py": 90,
    "adapters/memory.py": 90,
    "adapters/sqlite/rows.py": 90,
    "adapters/sqlite/store.py": 90,
    "adapters/postgres/rows.py": 90,
    "adapters/postgres/store.py": 90,
}
"""Per cent of a module's mutants that must be killed."""
