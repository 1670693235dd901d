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
    but_not: Sequence[str] = ()
    """Those of the tests that cannot bear mutants, or take long and kill none that the others don't."""


_SHARED_ERRORS = "tests/services/test_single_flight.py::TestSharedErrors"

GUARDS: Sequence[Guard] = (
    # The first finds out that mutmut is imported, the second shows the locals of mutmut's trampolines.
    Guard(
        "domain",
        ["domain/**/*.py"],
        ["tests/domain"],
        but_not=[
            "tests/domain/test_imports.py",
            "tests/domain/test_device_authorization.py::test_what_is_not_the_text_is_refused_without_a_word_of_it",
        ],
    ),
    # mutmut's trampolines keep errors alive; the last one is of processes, and imports what isn't copied.
    Guard(
        "services",
        ["services/**/*.py"],
        ["tests/services", "tests/test_readiness.py"],
        but_not=[
            f"{_SHARED_ERRORS}::test_an_error_is_let_go",
            f"{_SHARED_ERRORS}::test_an_error_that_passes_through_several_flights_is_let_go",
            "tests/services/transfer/test_moving.py",
        ],
    ),
    Guard(
        "memory",
        ["adapters/memory/**/*.py"],
        [
            "tests/test_store_contract.py::TestMemoryLinkStore",
            "tests/test_sealed_rows_contract.py::TestMemorySealedRows",
            "tests/adapters/memory/test_memory_store.py",
        ],
    ),
    Guard(
        "sqlite",
        [
            "adapters/sqlite/**/*.py",
            "adapters/sql/races.py",
            "adapters/sql/conditional_writes.py",
            "adapters/sql/readable.py",
            "adapters/sql/listing.py",
            "adapters/sql/sealed_rows.py",
        ],
        [
            "tests/test_store_contract.py::TestSqliteLinkStore",
            "tests/test_store_contract.py::TestSqliteLinkStoreOnGivenConnection",
            "tests/test_sealed_rows_contract.py::TestSqliteSealedRows",
            "tests/adapters/sqlite",
            "tests/adapters/sql/test_races.py",
            "tests/adapters/sql/test_unreadable_rows.py",
        ],
    ),
    Guard(
        "encryption",
        ["adapters/encryption/**/*.py"],
        [
            "tests/adapters/encryption",
            "tests/services/keys",
            "tests/services/transfer",
            "tests/services/refresh/test_encrypted_links.py",
            "tests/test_store_contract_encrypted.py::TestEncryptedMemoryLinkStore",
        ],
    ),
    Guard(
        "postgres",
        ["adapters/postgres/**/*.py"],
        [
            "tests/test_store_contract.py::TestPostgresLinkStore",
            "tests/test_sealed_rows_contract.py::TestPostgresSealedRows",
            "tests/adapters/postgres",
        ],
        but_not=[
            "tests/adapters/postgres/test_postgres_restart.py",
            "tests/adapters/postgres/test_postgres_failover.py",
        ],
    ),
)

FLOORS = {
    "domain/freshness.py": 90,
    "domain/resources.py": 90,
    "services/single_flight.py": 90,
    "services/refresh/flight.py": 90,
    "services/refresh/service.py": 90,
    "services/keys/reseal_link.py": 90,
    "adapters/encryption/opening.py": 90,
    "adapters/encryption/rows.py": 90,
    "adapters/encryption/sealing.py": 90,
    "adapters/encryption/store.py": 90,
    "adapters/memory/rows.py": 90,
    "adapters/memory/store.py": 90,
    "adapters/sql/conditional_writes.py": 90,
    "adapters/sql/races.py": 90,
    "adapters/sqlite/rows.py": 90,
    "adapters/sqlite/store.py": 90,
    "adapters/postgres/rows.py": 90,
    "adapters/postgres/store.py": 90,
}
"""Per cent of a module's mutants that must be killed."""
