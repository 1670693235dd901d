"""Every schedule of a small configuration, on the real token service.

How it works. A run is a sequence of choices: which parked call goes on, or which mishap happens. The
explorer walks the tree of choices depth first; to try another branch it begins anew and repeats the steps up
to there, because a coroutine cannot be copied. A branch that comes to a state seen before is cut.

Why the pruning is sound. A state is what the store holds, what the provider holds, the time, what the oracle
remembers, which calls and mishaps are left, and for each replica everything that its code has been told
since it began, in order and with the time of each: answers of the store and the provider, gates opened,
callers come and gone, time passing. The code of a replica draws on nothing else (its jitter is none, its
lease owners are numbered), so equal histories leave equal replicas, whatever happened between their lines
elsewhere. From equal states the same schedules lead to the same outcomes. Histories are compared by value
and not by a hash. A crashed replica can do nothing any more, nor can one that has nothing under way and
gets no more calls; their histories no longer count. Replicas run the same code and differ in their names
only, so states that differ by an exchange of names are one.

Why it shows liveness. Histories only grow and mishaps are bounded, so every schedule ends. The choices of a
state include those with no further mishap, so the fault-free continuation of every state is walked too, and
at the end of each schedule a fresh replica must be able to get every user's token while the grant is alive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from datetime import timedelta
from itertools import cycle
from typing import Any, final

import attrs

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.policy import RefreshPolicy
from extauth.services.refresh.service import TokenService
from extauth.testing.schedules.explorer.bounds import USER, Bounds, Report, Violation
from extauth.testing.schedules.explorer.choices import choices, late_calls_left, spent_by
from extauth.testing.schedules.explorer.states import Numbering, state_of
from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.recovery import recover
from extauth.testing.schedules.interleaver.setting import MakeService, Setting
from extauth.testing.schedules.interleaver.steps import Step, format_script
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock, VirtualLoop

MakeStore = Callable[[VirtualClock], Any]
"""Makes a store such as :class:`~extauth.adapters.memory.MemoryLinkStore`: with a ``state()``."""


def memory_store(clock: VirtualClock) -> MemoryLinkStore:
    """Make the store that is explored by default."""
    return MemoryLinkStore(now=clock.store_now)


def explore(
    bounds: Bounds,
    *,
    make_store: MakeStore = memory_store,
    make_service: MakeService = TokenService,
    policy: RefreshPolicy | None = None,
    most_states: float = math.inf,
    most_violations: int = 1,
) -> Report:
    """Walk every schedule within ``bounds`` and report what was walked and which promises were broken.

    It stops after ``most_violations`` or ``most_states``; the report then says that it is not complete.
    """
    lifetime = timedelta(hours=1)
    setting = Setting(
        replicas=bounds.replicas,
        users=(USER,),
        resources=bounds.resources,
        lifetime=lifetime,
        age=lifetime - bounds.left,
        reuse=bounds.reuse,
        traits=bounds.traits,
        policy=policy or RefreshPolicy(),
        replies=bounds.replies,
        make_service=make_service,
        forgets=bool(bounds.forgets),
    )
    return _Walk(bounds, setting, make_store).walk(most_states, most_violations)


@final
@attrs.define
class _Node:
    """A state on the path that is being walked."""

    choices: list[Step]
    chosen: int = 0


@final
class _Walk:
    def __init__(self, bounds: Bounds, setting: Setting, make_store: MakeStore) -> None:
        self._bounds = bounds
        self._setting = setting
        self._make_store = make_store
        self._clock = VirtualClock()
        self._report = Report(bounds)
        self._seen: set[Hashable] = set()
        self._histories: dict[tuple[int, Hashable], int] = {}
        """A number for each history, by the number of the history without its last event."""
        self._path: list[_Node] = []

    def walk(self, most_states: float, most_violations: int) -> Report:
        loop = VirtualLoop(self._clock)
        report = self._report
        try:
            while True:
                self._run(loop)
                report.schedules += 1
                while self._path and self._path[-1].chosen + 1 >= len(self._path[-1].choices):
                    self._path.pop()
                if not self._path:
                    break
                if len(report.violations) >= most_violations or report.states >= most_states:
                    report.complete = False
                    break
                self._path[-1].chosen += 1
        finally:
            loop.close()
        return report

    def _run(self, loop: VirtualLoop) -> None:
        store = self._make_store(self._clock)
        with Interleaver(lambda: store, self._setting, clock=self._clock, loop=loop) as world:
            numbers = Numbering(self._histories)
            wanted = cycle(self._bounds.details)
            for replica in world.running:
                for _ in range(self._bounds.callers):
                    world.do(Step("call", replica, next(wanted)))
            beginning = len(world.steps)
            for node in self._path:
                world.do(node.choices[node.chosen])
            while not self._judged(world):
                spent = spent_by(world.steps[beginning:])
                more_calls = late_calls_left(self._bounds, spent)
                state = state_of(world, store, numbers, frozenset(spent.items()), more_calls=more_calls)
                if state in self._seen:
                    return
                self._seen.add(state)
                self._report.states += 1
                options = list(choices(world, self._bounds, spent))
                if not options:
                    self._end(world)
                    return
                self._path.append(_Node(options))
                world.do(options[0])

    def _end(self, world: Interleaver) -> None:
        self._report.endings += 1
        world.oracle.judge_end(world.calls)
        if not world.broken:
            recover(world)
        self._judged(world)

    def _judged(self, world: Interleaver) -> bool:
        if world.broken:
            script = format_script(world.steps)
            self._report.violations.append(Violation(world.broken[0], script, self._setting))
        return bool(world.broken)
