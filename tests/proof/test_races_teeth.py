"""What the races are worth: the state machine finds what is wrong with code that is broken on purpose."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import PromiseBroken, VirtualClock, refresh_races, replay
from extauth.testing.schedules.interleaver.promises import (
    NEVER_CLEARED,
    NEVER_IN_SIGHT,
    NEVER_LOST,
    NEVER_SOMEONE_ELSES,
    NEVER_TWICE,
    NEVER_WORSE,
)
from extauth.testing.schedules.races import BEGINNING
from tests.proof import (
    broken_answers,
    broken_exchanges,
    broken_flights,
    broken_judgements,
    broken_saves,
    broken_worlds,
)

pytestmark = pytest.mark.timeout(900)  # generous: a busy machine must not fail it

EXAMPLES = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def whole(clock: VirtualClock) -> MemoryLinkStore:
    """Make a store that is not broken."""
    return MemoryLinkStore(now=clock.now)


SERVICES = [
    (broken_flights, "keyed_by_provider", {NEVER_SOMEONE_ELSES}),
    (broken_flights, "unshielded_waiter", {NEVER_LOST}),
    (broken_flights, "first_caller_flies", {NEVER_LOST}),
    (broken_flights, "late_caller", {NEVER_TWICE, NEVER_LOST}),
    (broken_exchanges, "claims_nothing", {NEVER_TWICE}),
    (broken_exchanges, "one_owner_for_all", {NEVER_TWICE}),
    (broken_saves, "validates_first", {NEVER_LOST}),
    (broken_saves, "exchanges_again", {NEVER_TWICE}),
    (broken_saves, "puts_back", {NEVER_CLEARED, NEVER_LOST}),
    (broken_saves, "revokes_nothing", {NEVER_LOST}),
    (broken_saves, "drains_nothing", {NEVER_LOST}),
    (broken_saves, "hands_out_first", {NEVER_LOST}),
    (broken_judgements, "failure_clears", {NEVER_CLEARED}),
    (broken_answers, "expired_served", {NEVER_WORSE}),
    (broken_answers, "token_in_log", {NEVER_IN_SIGHT}),
]

STORES = [
    (broken_worlds.LeaseIgnored, {NEVER_TWICE}),
    (broken_worlds.ResealMovesVersion, {NEVER_CLEARED}),
    (broken_worlds.FailureMovesVersion, {NEVER_CLEARED}),
]

FOUND_LATE = {"validates_first", "revokes_nothing", "drains_nothing", "puts_back"}
"""Which of them `make prove` looks for: the machine draws hundreds of examples before it finds them.

The walks of `test_explorer_teeth.py` find all but the first in every run."""

TEETH = [
    *(
        pytest.param(
            *(getattr(module, name), whole, promises),
            id=name,
            marks=pytest.mark.proof if name in FOUND_LATE else (),
        )
        for module, name, promises in SERVICES
    ),
    *(pytest.param(nullcontext, store, promises, id=store.__name__) for store, promises in STORES),
]


PATIENCE = settings(EXAMPLES, max_examples=2000)
"""For broken code, where it stops at the first failure: another Hypothesis may need more examples."""


def race(make_store: Any, examples_run: settings = PATIENCE) -> tuple[PromiseBroken | None, int]:
    """Run the machine with a fixed seed; return what it finds and after how many examples."""
    clock = VirtualClock()
    examples = 0

    def open_store():
        nonlocal examples
        examples += 1
        return make_store(clock)

    machine = seed(1)(refresh_races(open_store, clock=clock))
    try:
        run_state_machine_as_test(machine, settings=examples_run)
    except PromiseBroken as broken:
        return broken, examples
    return None, examples


@pytest.mark.parametrize(("broken", "make_store", "promises"), TEETH)
def test_races_find_what_is_broken(broken, make_store, promises, request):
    """The machine names the promise that is broken, with a script that breaks it again, and nothing where
    the code is whole."""
    with broken():
        found, examples = race(make_store)
    assert found is not None
    print(f"{request.node.callspec.id}: by the machine, {examples} examples: {found.broken}")
    assert found.broken.promise in promises

    clock = VirtualClock()
    with broken(), pytest.raises(PromiseBroken) as again:
        replay(lambda: make_store(clock), found.script, BEGINNING, clock=clock)
    assert found.broken == again.value.broken
    with suppress(LookupError):  # whole code may not even come to where a step opens a gate
        replay(lambda: whole(clock), found.script, BEGINNING, clock=clock)


@pytest.mark.proof
def test_races_leave_whole_code_alone():
    """Hundreds of the same examples break no promise where nothing is broken."""
    found, _ = race(whole, EXAMPLES)
    assert found is None
