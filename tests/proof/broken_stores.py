"""Every store with a bug, all from one list: what other systems got wrong, done on purpose."""

from __future__ import annotations

from tests.proof import (
    broken_accounts,
    broken_authorizations,
    broken_claims,
    broken_crowds,
    broken_errors,
    broken_imports,
    broken_marks,
    broken_races,
    broken_reads,
    broken_registrations,
    broken_releases,
    broken_resources,
    broken_takeovers,
    broken_tokens,
    broken_values,
    broken_versions,
    broken_waits,
)
from tests.proof.breakable_store import HealthyStore

BROKEN_STORES: list[type[HealthyStore]] = [
    thing
    for module in (
        broken_versions,
        broken_tokens,
        broken_claims,
        broken_takeovers,
        broken_releases,
        broken_marks,
        broken_reads,
        broken_values,
        broken_waits,
        broken_races,
        broken_errors,
        broken_resources,
        broken_authorizations,
        broken_crowds,
        broken_accounts,
        broken_registrations,
        broken_imports,
    )
    for thing in vars(module).values()
    if isinstance(thing, type) and issubclass(thing, HealthyStore) and "caught_by" in vars(thing)
]
