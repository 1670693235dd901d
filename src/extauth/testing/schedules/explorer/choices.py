"""Everything that may happen next in a bounded configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from extauth.testing.provider_model.faults import Fault
from extauth.testing.schedules.explorer.bounds import USER, Bounds
from extauth.testing.schedules.interleaver.gates import Gate
from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.ports import REFRESH, STORE_VERDICTS, STORE_WRITES
from extauth.testing.schedules.interleaver.steps import Step

EARLY = "early"
"""Marks a leap of time that could have waited."""

Spent = Counter[tuple[str, str]]
"""How often each verb, with its detail, was chosen so far."""


def spent_by(steps: list[Step]) -> Spent:
    """Count what counts against the bounds: mishaps, and calls after the beginning."""
    return Counter(
        (step.verb, step.target if step.verb in {"jump", "forget"} else step.detail)
        for step in steps
        if (step.verb, step.detail) not in {("open", ""), ("advance", "")}
    )


def late_calls_left(bounds: Bounds, spent: Spent) -> bool:
    """Whether some caller may still come."""
    return _asked("call", spent) < bounds.late_calls or _asked("refresh", spent) < bounds.refusals


def _asked(verb: str, spent: Spent) -> int:
    return sum(times for (each, _), times in spent.items() if each == verb)


def choices(world: Interleaver, bounds: Bounds, spent: Spent) -> Iterator[Step]:
    """Yield every step that may come next; first those that go on without a further mishap."""
    ready = world.gates.ready()
    busy = world.busy
    for gate in ready:
        yield Step("open", gate.name)
    instant = world.next_instant() if busy else None
    if instant is not None and not ready:
        yield Step("advance", f"{instant:.6f}")
    elif instant is not None and spent["advance", EARLY] < bounds.leaps:
        yield Step("advance", f"{instant:.6f}", EARLY)
    for gate in ready:
        yield from _failures(gate, bounds, spent)
    yield from _mishaps(world, bounds, spent, busy)


def _failures(gate: Gate, bounds: Bounds, spent: Spent) -> Iterator[Step]:
    """Yield what may go wrong with a call."""
    if gate.operation == REFRESH:
        if spent["open", Fault.LOST_REPLY] < bounds.lost_replies:
            yield Step("open", gate.name, Fault.LOST_REPLY)
        yield from (
            Step("open", gate.name, fault) for fault in sorted(bounds.faults) if not spent["open", fault]
        )
    failed = sum(spent["open", verdict] for verdict in STORE_VERDICTS)
    if gate.operation in STORE_WRITES and failed < bounds.store_failures:
        yield from (Step("open", gate.name, verdict) for verdict in STORE_VERDICTS)


def _mishaps(world: Interleaver, bounds: Bounds, spent: Spent, busy: list[str]) -> Iterator[Step]:
    if spent["crash", ""] < bounds.crashes:
        yield from (Step("crash", replica) for replica in busy)
    if spent["cancel", ""] < bounds.cancellations:
        yield from (Step("cancel", call) for call in world.calls)
    if spent["close", ""] < bounds.closings:
        yield from (Step("close", replica) for replica in busy if replica in world.running)
    if spent["sweep", ""] < bounds.sweeps:
        yield from (Step("sweep", replica) for replica in busy if replica in world.running)
    yield from (Step("jump", f"{seconds}") for seconds in bounds.jumps if not spent["jump", f"{seconds}"])
    yield from (Step("forget", f"{last}") for last in bounds.forgets if not spent["forget", f"{last}"])
    details = dict.fromkeys(bounds.details)
    if _asked("call", spent) < bounds.late_calls:
        yield from (Step("call", replica, wanted) for replica in world.running for wanted in details)
    if _asked("refresh", spent) < bounds.refusals:
        yield from (Step("refresh", replica, wanted) for replica in world.running for wanted in details)
    if _asked("rotate", spent) < bounds.rotations:
        yield from (Step("rotate", replica, USER) for replica in world.running)
    yield from _outside(world, bounds, spent)


def _outside(world: Interleaver, bounds: Bounds, spent: Spent) -> Iterator[Step]:
    """Yield what the user or an operator may do."""
    if spent["authorize", ""] < bounds.authorizations:
        yield Step("authorize", USER)
    if world.stored(USER) is not None:
        if spent["unlink", ""] < bounds.unlinks:
            yield Step("unlink", USER)
        if spent["reseal", ""] < bounds.reseals:
            yield Step("reseal", USER)
