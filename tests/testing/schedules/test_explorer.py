"""The explorer: every schedule of a small configuration, and no more often than it must."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import attrs
import pytest

from extauth.testing import Bounds, Interleaver, Step, explore
from extauth.testing.schedules.explorer.bounds import USER
from extauth.testing.schedules.explorer.choices import choices, spent_by
from extauth.testing.schedules.explorer.walk import _Walk, memory_store
from extauth.testing.schedules.interleaver.recovery import recover
from extauth.testing.schedules.interleaver.setting import Setting
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock, VirtualLoop
from tests.proof import broken_exchanges, broken_flights, broken_saves


def facts(world: Interleaver) -> Hashable:
    """Return what an ending leaves behind, whoever did it and in which order."""
    link = world.stored(USER)
    stored = None if link is None else (link.version, link.failure, link.pending, link.tokens.refresh_token)
    presented = tuple(world.provider.grants.presentations().items())
    return stored, presented, world.clock.monotonic(), frozenset(world.ledger.crashed) != frozenset()


def _itself(store):
    return store


@attrs.define
class Naive:
    """Walks every schedule to its end, with no pruning at all."""

    bounds: Bounds
    endings: set[Hashable] = attrs.field(factory=set)
    violations: set[str] = attrs.field(factory=set)
    schedules: int = 0

    def walk(self) -> None:
        clock = VirtualClock()
        loop = VirtualLoop(clock)
        setting = Setting(replicas=self.bounds.replicas, replies=self.bounds.replies)
        stack: list[list[Step]] = [[]]
        while stack:
            path = stack.pop()
            store = memory_store(clock)
            with Interleaver(partial(_itself, store), setting, clock=clock, loop=loop) as world:
                for replica in world.running:
                    for _ in range(self.bounds.callers):
                        world.do(Step("call", replica, USER))
                beginning = len(world.steps)
                for step in path:
                    world.do(step)
                while not world.broken:
                    options = list(choices(world, self.bounds, spent_by(world.steps[beginning:])))
                    if not options:
                        break
                    so_far = world.steps[beginning:]
                    stack += [[*so_far, option] for option in options[1:]]
                    world.do(options[0])
                self.schedules += 1
                if not world.broken:
                    self.endings.add(facts(world))
                    world.oracle.judge_end(world.calls)
                if not world.broken:
                    recover(world)
                self.violations |= {broken.promise for broken in world.broken[:1]}
        loop.close()


def pruned(bounds: Bounds, monkeypatch: pytest.MonkeyPatch) -> tuple[set[Hashable], set[str], int]:
    """Return the endings and the broken promises that the explorer finds, and how many schedules it ran."""
    endings: set[Hashable] = set()
    end = _Walk._end

    def note(self, world):
        endings.add(facts(world))
        end(self, world)

    with monkeypatch.context() as patched:
        patched.setattr(_Walk, "_end", note)
        report = explore(bounds, most_violations=10**9)
    return endings, {violation.broken.promise for violation in report.violations}, report.schedules


SMALL = [
    Bounds(replicas=1, callers=2),
    Bounds(replicas=1, callers=2, cancellations=1),
    Bounds(replicas=1, callers=1, lost_replies=1, crashes=1, unlinks=1),
    Bounds(replicas=2, callers=1, crashes=1),
    Bounds(replicas=2, callers=1, leaps=1),
    Bounds(replicas=2, callers=1, reseals=1),
]


@pytest.mark.parametrize(
    "bounds", SMALL, ids=["1x2", "1x2-cancelled", "1x1-mishaps", "2x1-crash", "2x1-leap", "2x1-writes"]
)
def test_pruning_leaves_no_ending_out(bounds, monkeypatch):
    """A walk of all schedules, one by one, comes to the same endings."""
    naive = Naive(bounds)
    naive.walk()
    endings, violations, schedules = pruned(bounds, monkeypatch)
    print(f"{naive.schedules} schedules, of which the explorer runs {schedules}: {len(endings)} endings")
    assert naive.endings == endings
    assert naive.violations == violations == set()
    assert naive.schedules >= schedules


@pytest.mark.parametrize(
    ("broken", "bounds"),
    [
        (broken_exchanges.claims_nothing, Bounds(replicas=2)),
        (broken_exchanges.one_owner_for_all, Bounds(replicas=2, crashes=1)),
        (broken_saves.saves_once, Bounds(replicas=1, callers=2, store_failures=1)),
        (broken_flights.unshielded_waiter, Bounds(replicas=1, callers=2, cancellations=1)),
        (broken_flights.back_to_back, Bounds(replicas=2, crashes=1)),
    ],
    ids=["claims-nothing", "one-owner", "saves-once", "unshielded", "back-to-back"],
)
def test_pruning_hides_no_violation(broken, bounds, monkeypatch):
    """Where the code is broken, both walks find the same promises broken, and come to the same endings."""
    with broken():
        naive = Naive(bounds)
        naive.walk()
        endings, violations, _ = pruned(bounds, monkeypatch)
    assert naive.violations == violations != set()
    assert naive.endings == endings


def test_stops_where_it_is_told():
    """It says so when it has not walked everything."""
    report = explore(Bounds(), most_states=5)
    assert not report.complete
    assert report.states >= 5
    assert report.violations == []


def test_finds_every_violation_if_asked():
    """It goes on after the first one."""
    with broken_exchanges.claims_nothing():
        first = explore(Bounds())
        more = explore(Bounds(), most_violations=3)
    assert (len(first.violations), len(more.violations)) == (1, 3)
    assert not first.complete
    assert str(first.violations[0]).splitlines()[1] == "call r1 alice"
