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
    """Those of the tests that cannot bear mutants, or take so long that survivors would cost minutes each."""
    named: str | None = None
    """Which of the tests by their names, as ``-k`` of pytest has it; all if nothing is said."""


_SHARED_ERRORS = "tests/services/test_single_flight.py::TestSharedErrors"

_SERVICES_CANNOT_BEAR = (
    # mutmut's trampolines keep errors alive, are in tracebacks and cost time.
    f"{_SHARED_ERRORS}::test_an_error_is_let_go",
    f"{_SHARED_ERRORS}::test_an_error_that_passes_through_several_flights_is_let_go",
    "tests/services/transfer/test_exporting.py::test_an_import_that_fails_shows_no_token",
    "tests/services/test_observers.py::test_handing_out_a_token_costs_no_observer_anything",
    # Of processes, and imports what isn't copied.
    "tests/services/transfer/test_moving.py",
)
_SLOW_OF_SERVICES = (
    # They start processes, and stop or kill them.
    "tests/services/linking/test_linking_end_of_run.py",
    "tests/services/outbox/test_killed_while_delivering.py",
    "tests/services/refresh/test_end_of_run.py",
    "tests/services/refresh/test_late_answers.py",
    "tests/services/refresh/test_stopped_while_writing.py",
    # They break the code themselves.
    "tests/services/upkeep/test_upkeep_teeth.py",
    # Of crowds, of days, or of real time.
    "tests/services/refresh/test_clock_jumps.py",
    "tests/services/refresh/test_probably_dead.py::test_is_not_suspected_where_the_client_has_stopped_working",
    "tests/services/refresh/test_probably_dead.py::test_is_not_suspected_where_the_client_works_for_nobody",
    "tests/services/refresh/test_provider_limit.py::test_a_crowd_keeps_to_a_limit_that_nobody_told",
    "tests/services/refresh/test_provider_limit.py::test_replicas_that_share_a_limit_serve_everybody_soon",
    "tests/services/refresh/test_provider_limit.py::test_who_is_sent_away_has_a_turn_of_its_own",
    "tests/services/upkeep/test_sharing_and_pace.py::test_an_outage_of_the_provider_is_no_stampede",
    "tests/services/upkeep/test_sharing_and_pace.py::test_links_that_fail_are_nobody_elses_trouble",
)
"""From seconds to a quarter of a minute each, and most reach a third of all functions: every survivor would
cost minutes. What none but they would notice survives, and is listed as such."""

_IMPORTS_ARE_TOLD = "tests/services/refresh/test_remembered_writes.py::test_an_import_is_seen_at_once"

GUARDS: Sequence[Guard] = (
    # The first finds out that mutmut is imported, the second shows the locals of mutmut's trampolines.
    Guard(
        "domain",
        ["domain/**/*.py"],
        # What ports, records and lists are is held by the contract and by who uses them.
        [
            "tests/domain",
            "tests/test_store_contract.py::TestMemoryLinkStore",
            "tests/test_readiness.py",
            "tests/adapters/audit",
            "tests/adapters/authorization",
            "tests/adapters/encryption/test_sealing.py",
            "tests/services/health",
            "tests/services/outbox",
            "tests/services/refresh/test_turns.py",
            "tests/services/test_guarded_services.py",
            "tests/services/transfer/test_importing.py",
        ],
        but_not=[
            "tests/domain/test_imports.py",
            "tests/domain/test_device_authorization.py::test_what_is_not_the_text_is_refused_without_a_word_of_it",
            # They start processes, and kill them.
            "tests/adapters/audit/test_killed_while_writing.py",
            "tests/services/outbox/test_killed_while_delivering.py",
        ],
        named="not postgres and not sqlite",
    ),
    Guard(
        "services",
        ["services/**/*.py"],
        ["tests/services", "tests/test_readiness.py"],
        but_not=[*_SERVICES_CANNOT_BEAR, *_SLOW_OF_SERVICES],
        # They know no database by its name; what each does for them the contract of stores holds still.
        named="not postgres and not sqlite",
    ),
    Guard(
        "memory",
        ["adapters/memory/**/*.py"],
        [
            "tests/test_store_contract.py::TestMemoryLinkStore",
            "tests/test_sealed_rows_contract.py::TestMemorySealedRows",
            "tests/adapters/memory",
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
            "adapters/sql/saved_links.py",
            "adapters/sql/sealed_rows.py",
            "adapters/sql/whole_links.py",
        ],
        [
            "tests/test_store_contract.py::TestSqliteLinkStore",
            "tests/test_store_contract.py::TestSqliteLinkStoreOnGivenConnection",
            "tests/test_sealed_rows_contract.py::TestSqliteSealedRows",
            "tests/adapters/sqlite",
            "tests/adapters/sql/test_plain_links.py",
            "tests/adapters/sql/test_races.py",
            "tests/adapters/sql/test_saved_links.py",
            "tests/adapters/sql/test_sealed_rows.py",
            "tests/adapters/sql/test_unreadable_rows.py",
            _IMPORTS_ARE_TOLD,
        ],
    ),
    Guard(
        "encryption",
        ["adapters/encryption/**/*.py"],
        [
            "tests/adapters/encryption",
            "tests/services/health/test_check.py",
            "tests/services/keys",
            "tests/services/transfer",
            "tests/services/refresh/test_encrypted_links.py",
            "tests/test_store_contract_encrypted.py::TestEncryptedMemoryLinkStore",
        ],
        but_not=[
            # Of processes, and imports what isn't copied.
            "tests/services/transfer/test_moving.py",
        ],
    ),
    Guard(
        "postgres",
        ["adapters/postgres/**/*.py"],
        [
            "tests/test_store_contract.py::TestPostgresLinkStore",
            "tests/test_sealed_rows_contract.py::TestPostgresSealedRows",
            "tests/adapters/postgres",
            "tests/adapters/sql/test_unreadable_rows.py",
            _IMPORTS_ARE_TOLD,
        ],
        but_not=["tests/adapters/postgres/test_postgres_restart.py"],
    ),
)

FLOORS = {
    "domain/fence.py": 100,
    "domain/freshness.py": 90,
    "domain/known_links.py": 90,
    "domain/own_writes.py": 90,
    "domain/resources.py": 90,
    "domain/store_history.py": 80,
    "services/arguments.py": 90,
    "services/errors.py": 90,
    "services/events.py": 90,
    "services/grant_ender.py": 90,
    "services/health/check.py": 100,
    "services/keys/reseal_link.py": 100,
    "services/keys/rotation.py": 90,
    "services/keys/status.py": 90,
    "services/linking/authorizations.py": 90,
    "services/linking/begun_redirects.py": 90,
    "services/linking/callback.py": 90,
    "services/linking/code_flow.py": 90,
    "services/linking/connect.py": 90,
    "services/linking/device_flow.py": 90,
    "services/linking/endpoints.py": 80,
    "services/linking/redirect_uri_form.py": 90,
    "services/linking/redirect_uris.py": 90,
    "services/linking/scopes.py": 90,
    "services/linking/service.py": 90,
    "services/linking/store_grant.py": 85,
    "services/linking/unlink.py": 100,
    "services/observers.py": 85,
    "services/outbox/delivery.py": 90,
    "services/outbox/expiring.py": 100,
    "services/outbox/options.py": 100,
    "services/provider_call.py": 90,
    "services/providers.py": 90,
    "services/readiness.py": 100,
    "services/refresh/attempt.py": 95,
    "services/refresh/cooldowns.py": 90,
    "services/refresh/exchange.py": 90,
    "services/refresh/flight.py": 90,
    "services/refresh/healing.py": 90,
    "services/refresh/lease.py": 90,
    "services/refresh/lost_writes.py": 90,
    "services/refresh/marks.py": 90,
    "services/refresh/places.py": 90,
    "services/refresh/reads.py": 90,
    "services/refresh/refused_resources.py": 85,
    "services/refresh/remembered.py": 90,
    "services/refresh/request.py": 90,
    "services/refresh/restored.py": 90,
    "services/refresh/service.py": 90,
    "services/refresh/siblings.py": 100,
    "services/refresh/store_watch.py": 90,
    "services/refresh/takeover.py": 90,
    "services/refresh/turns.py": 90,
    "services/refresh/unsaved.py": 90,
    "services/registered_clients.py": 90,
    "services/serving.py": 90,
    "services/single_flight.py": 90,
    "services/transfer/adding.py": 90,
    "services/transfer/exporting.py": 90,
    "services/transfer/importing.py": 95,
    "services/upkeep/pace.py": 90,
    "services/upkeep/service.py": 90,
    "services/upkeep/sweep.py": 90,
    "services/watching.py": 90,
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
"""Per cent of a module's mutants that must be killed, of those that mypy does not refuse."""
