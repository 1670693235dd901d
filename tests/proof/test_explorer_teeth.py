"""What the explorer is worth: it finds what is wrong with code that is broken on purpose."""

from __future__ import annotations

import re
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import RefreshPolicy
from extauth.testing import Bounds, Fault, PromiseBroken, VirtualClock, explore, replay
from extauth.testing.schedules.explorer.walk import memory_store
from extauth.testing.schedules.interleaver.promises import (
    COMES_BACK,
    NEVER_CLEARED,
    NEVER_IN_SIGHT,
    NEVER_LOST,
    NEVER_NEEDLESS,
    NEVER_SOMEONE_ELSES,
    NEVER_TWICE,
    NEVER_WORSE,
    NEVER_WRONGLY_DEAD,
)
from tests.proof import (
    broken_answers,
    broken_exchanges,
    broken_flights,
    broken_judgements,
    broken_resource_exchanges,
    broken_rotations,
    broken_saves,
    broken_worlds,
)
from tests.proof.breaking import Breaking

ONE = Bounds(replicas=1)
"""One replica with one caller; the access token has expired."""
TWO = Bounds()
"""Two replicas with one caller each."""
ALMOST = timedelta(seconds=5)
"""So little is left of the access token that a caller waits for another, and so much that it works."""
AHEAD = timedelta(minutes=2)
"""So little that it is refreshed behind the caller's back, and more than a lease lasts."""
LONG = timedelta(minutes=30)
"""So much that nobody thinks of refreshing."""
MIXED = ("", "mail")
"""Callers want the grant's own token and one for a resource, in turn."""
READS_TAKE_TIME = frozenset({"refresh", "get"})


@attrs.frozen
class Tooth:
    name: str
    broken: Breaking
    promise: str
    bounds: Bounds
    options: dict[str, Any] = attrs.field(factory=dict)


def tooth(name: str, broken: Breaking, promise: str, bounds: Bounds, **options: Any) -> Any:
    """One broken variant, the promise that it breaks, and the smallest bounds that show it."""
    return pytest.param(Tooth(name, broken, promise, bounds, options), id=name.replace(" ", "-"))


def service(module: Any, name: str, promise: str, bounds: Bounds, **options: Any) -> Any:
    """A broken service."""
    return tooth(name, getattr(module, name), promise, bounds, **options)


def store(make_store: Any, promise: str, bounds: Bounds) -> Any:
    """A broken store."""
    return tooth(make_store.__name__, nullcontext, promise, bounds, make_store=make_store)


def but(bounds: Bounds, **changes: Any) -> Bounds:
    """Return the bounds with more in them."""
    faults = changes.pop("faults", ())
    return attrs.evolve(bounds, faults=frozenset(faults), **changes)


TEETH = [
    service(broken_flights, "unshielded_waiter", NEVER_LOST, but(ONE, callers=2, cancellations=1)),
    service(broken_flights, "first_caller_flies", NEVER_LOST, but(ONE, callers=2, cancellations=1)),
    service(
        broken_flights,
        "impatient_waiter",
        NEVER_TWICE,
        but(TWO, leaps=1),
        policy=RefreshPolicy(wait_timeout=timedelta(seconds=10)),
    ),
    service(broken_flights, "late_caller", NEVER_TWICE, TWO),
    service(broken_flights, "back_to_back", NEVER_NEEDLESS, TWO),
    service(
        broken_exchanges,
        "repeats_while_the_token_works",
        NEVER_TWICE,
        but(ONE, lost_replies=1, left=ALMOST),
    ),
    service(broken_exchanges, "repeats_again_and_again", NEVER_NEEDLESS, but(ONE, lost_replies=2)),
    service(
        broken_exchanges,
        "unresolved_ignored",
        NEVER_TWICE,
        but(TWO, crashes=1, leaps=1, left=AHEAD, replies=READS_TAKE_TIME),
    ),
    service(broken_exchanges, "no_second_look", NEVER_TWICE, but(TWO, store_failures=1, leaps=1)),
    service(broken_exchanges, "renews_with_a_gap", NEVER_TWICE, but(TWO, lost_replies=1, leaps=2)),
    service(
        broken_exchanges,
        "exchanges_outside_the_lease",
        NEVER_TWICE,
        but(TWO, leaps=2, replies=frozenset({"refresh", "claim"})),
    ),
    service(broken_exchanges, "claims_nothing", NEVER_TWICE, TWO),
    service(broken_exchanges, "claims_when_the_store_fails", NEVER_NEEDLESS, but(TWO, store_failures=2)),
    service(broken_exchanges, "one_owner_for_all", NEVER_TWICE, TWO),
    service(broken_exchanges, "no_time_limit", NEVER_TWICE, but(TWO, leaps=2)),
    service(broken_exchanges, "rejected_ignored", NEVER_NEEDLESS, but(ONE, callers=0, refusals=2, left=LONG)),
    service(broken_saves, "tidies_first", NEVER_LOST, but(ONE, store_failures=1)),
    service(broken_saves, "saves_once", NEVER_LOST, but(ONE, store_failures=1)),
    service(broken_saves, "retries_once", NEVER_LOST, but(ONE, store_failures=2)),
    service(broken_saves, "gives_up_soon", NEVER_LOST, but(ONE, store_failures=1)),
    service(broken_saves, "exchanges_again", NEVER_TWICE, but(ONE, store_failures=1)),
    service(broken_saves, "hands_out_first", NEVER_LOST, ONE),
    service(broken_saves, "serves_its_own", NEVER_LOST, but(ONE, authorizations=1)),
    service(broken_saves, "puts_back", NEVER_CLEARED, but(ONE, unlinks=1)),
    service(broken_saves, "revokes_nothing", NEVER_LOST, but(ONE, unlinks=1)),
    service(broken_saves, "failure_is_absence", NEVER_LOST, but(ONE, store_failures=1)),
    service(broken_saves, "drains_nothing", NEVER_LOST, but(ONE, closings=1)),
    service(broken_saves, "drains_flights_only", NEVER_LOST, but(ONE, closings=1, store_failures=1)),
    service(broken_saves, "exchange_swept", NEVER_LOST, but(ONE, sweeps=1)),
    service(broken_saves, "save_swept", NEVER_LOST, but(ONE, sweeps=1, store_failures=1)),
    service(broken_saves, "exchange_left_behind", NEVER_LOST, but(ONE, sweeps=1)),
    service(
        broken_judgements, "marks_the_newer", NEVER_WRONGLY_DEAD, but(ONE, lost_replies=1, authorizations=1)
    ),
    service(broken_judgements, "dead_on_unknown", NEVER_WRONGLY_DEAD, but(ONE, lost_replies=1, left=ALMOST)),
    service(
        broken_judgements,
        "dead_on_client_rejected",
        NEVER_WRONGLY_DEAD,
        but(ONE, faults={Fault.WRONG_CLIENT}),
    ),
    service(broken_judgements, "dead_on_deferred", NEVER_WRONGLY_DEAD, but(ONE, faults={Fault.RATE_LIMITED})),
    service(broken_judgements, "failure_clears", NEVER_CLEARED, but(ONE, faults={Fault.RATE_LIMITED})),
    service(broken_judgements, "failure_unrecorded", NEVER_NEEDLESS, but(ONE, faults={Fault.ERROR_IN_200})),
    service(
        broken_judgements,
        "not_carried_forward",
        NEVER_CLEARED,
        but(ONE, faults={Fault.OMITTED_REFRESH_TOKEN}),
    ),
    service(broken_answers, "withheld", NEVER_WORSE, but(ONE, lost_replies=1, left=ALMOST)),
    service(broken_answers, "expired_served", NEVER_WORSE, but(ONE, faults={Fault.RATE_LIMITED})),
    service(
        broken_answers,
        "refused_served",
        NEVER_WORSE,
        but(ONE, callers=0, refusals=1, left=LONG, faults={Fault.RATE_LIMITED}),
    ),
    service(broken_answers, "token_in_log", NEVER_IN_SIGHT, ONE),
    service(broken_answers, "token_in_event", NEVER_IN_SIGHT, ONE),
    service(broken_answers, "token_in_error", NEVER_IN_SIGHT, but(ONE, faults={Fault.RATE_LIMITED})),
    service(
        broken_resource_exchanges,
        "flights_and_owners_by_resource",
        NEVER_TWICE,
        but(ONE, callers=2, wanted=MIXED),
    ),
    service(broken_resource_exchanges, "no_lease_for_resources", NEVER_TWICE, but(TWO, wanted=MIXED)),
    service(broken_resource_exchanges, "looks_not_again", NEVER_LOST, but(ONE, callers=2, wanted=MIXED)),
    service(
        broken_resource_exchanges,
        "any_token_will_do",
        NEVER_SOMEONE_ELSES,
        but(ONE, left=LONG, wanted=MIXED[1:]),
    ),
    service(
        broken_resource_exchanges,
        "adopts_blindly",
        NEVER_LOST,
        but(ONE, authorizations=1, wanted=MIXED[1:]),
    ),
    service(
        broken_resource_exchanges, "takes_the_grants_place", NEVER_SOMEONE_ELSES, but(ONE, wanted=MIXED[1:])
    ),
    service(
        broken_resource_exchanges, "drops_other_resources", NEVER_CLEARED, but(TWO, wanted=("mail", "files"))
    ),
    service(
        broken_resource_exchanges, "plain_refresh_drops_resources", NEVER_CLEARED, but(TWO, wanted=MIXED)
    ),
    service(broken_resource_exchanges, "keeps_the_spent_token", NEVER_LOST, but(ONE, wanted=MIXED[1:])),
    service(
        broken_resource_exchanges,
        "only_its_own_to_lose",
        NEVER_TWICE,
        but(ONE, lost_replies=1, left=LONG, wanted=MIXED[1:]),
    ),
    service(
        broken_resource_exchanges,
        "doom_unmarked",
        NEVER_WORSE,
        but(ONE, late_calls=1, left=LONG, wanted=("mail", ""), refresh_revokes_access_token=True),
    ),
    service(broken_exchanges, "believes_the_stores_clock", NEVER_TWICE, but(TWO, jumps=(3600,), leaps=1)),
    service(broken_exchanges, "waits_as_the_store_says", COMES_BACK, but(TWO, jumps=(-3600,), crashes=1)),
    store(broken_worlds.NoVersionInSave, NEVER_CLEARED, but(ONE, authorizations=1)),
    store(broken_worlds.SaveByUpsert, NEVER_CLEARED, but(ONE, unlinks=1)),
    store(broken_worlds.FailureClears, NEVER_CLEARED, but(ONE, faults={Fault.RATE_LIMITED})),
    store(broken_worlds.FailureMovesVersion, NEVER_CLEARED, but(ONE, faults={Fault.RATE_LIMITED})),
    store(broken_worlds.FailureOfAnyVersion, NEVER_WRONGLY_DEAD, but(ONE, lost_replies=1, authorizations=1)),
    store(broken_worlds.ResealMovesVersion, NEVER_CLEARED, but(ONE, reseals=1)),
    store(broken_worlds.ResealDropsLease, NEVER_TWICE, but(TWO, reseals=1)),
    tooth(
        "rotation and ResealMovesVersion",
        nullcontext,
        NEVER_CLEARED,
        but(ONE, rotations=1),
        make_store=broken_worlds.ResealMovesVersion,
    ),
    service(broken_rotations, "writes_what_it_read", NEVER_CLEARED, but(ONE, rotations=1)),
    store(broken_worlds.LeaseIgnored, NEVER_TWICE, TWO),
    store(broken_worlds.ClaimOfAnyVersion, NEVER_NEEDLESS, TWO),
    store(
        broken_worlds.LapseUnreported,
        NEVER_TWICE,
        but(TWO, crashes=1, leaps=1, left=AHEAD, replies=READS_TAKE_TIME),
    ),
    store(broken_worlds.VersionsRestart, NEVER_CLEARED, but(ONE, unlinks=1, authorizations=1)),
]


WALKED_LONG = {"exchanges_outside_the_lease", "renews_with_a_gap"}
"""Which of them `make prove` looks for: the explorer walks long before it finds them."""


@pytest.mark.parametrize(
    "tooth",
    [
        pytest.param(*tooth.values, id=tooth.id, marks=[*tooth.marks, pytest.mark.proof])
        if tooth.id in WALKED_LONG
        else tooth
        for tooth in TEETH
    ],
)
def test_explorer_finds_what_is_broken(tooth):
    """The explorer names the promise that is broken, with a script that breaks it again; the same bounds
    and the same script break nothing where the code is whole."""
    make_store = tooth.options.get("make_store", memory_store)
    with tooth.broken():
        report = explore(tooth.bounds, **tooth.options)
    (violation,) = report.violations
    print(
        f"{tooth.name}: by the explorer, {report.states} states and {report.schedules} schedules:"
        f" {violation.broken}"
    )
    assert tooth.promise == violation.broken.promise
    assert not re.search("TypeError|AttributeError", str(violation.broken)), "the tooth fits its code no more"

    clock = VirtualClock()
    with tooth.broken(), pytest.raises(PromiseBroken) as caught:
        replay(lambda: make_store(clock), violation.script, violation.setting, clock=clock)
    assert tooth.promise == caught.value.broken.promise

    with suppress(LookupError):  # whole code may not even come to where a step opens a gate
        replay(lambda: memory_store(clock), violation.script, violation.setting, clock=clock)
    whole = explore(tooth.bounds, policy=tooth.options.get("policy"))
    assert whole.violations == []
    assert whole.complete
