"""Concurrent refreshes on any store, as a Hypothesis state machine that looks for a broken promise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth.testing.provider_model.faults import Fault
from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.ports import REFRESH, STORE_VERDICTS, STORE_WRITES
from extauth.testing.schedules.interleaver.promises import PROMISES
from extauth.testing.schedules.interleaver.replay import check, finish
from extauth.testing.schedules.interleaver.setting import OpenStore, Setting
from extauth.testing.schedules.interleaver.steps import Step, Verb
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock

USERS = ("alice", "bob")

STORE_CALLS = STORE_WRITES | {"get"}

EVERY_CALL = STORE_CALLS | {REFRESH}
"""In a race every call parks on the way back too: something may happen between its effect and its answer."""

FAULTS = tuple(fault for fault in Fault if fault not in {Fault.DELAYED_BEFORE, Fault.DELAYED_AFTER})
"""Delays are what gates are for."""

ENDINGS: tuple[Verb, ...] = ("crash", "sweep", "close")
"""Killed, ended by the end of ``asyncio.run`` (all tasks are cancelled), or shut down in order."""

DEEDS: tuple[Verb, ...] = ("authorize", "unlink", "reseal", "lift")
"""What users and operators do meanwhile."""

LIFETIME = timedelta(minutes=2)
"""Of access tokens: short, so that they are nearly always about to expire."""

SPANS = (0.05, 1.0, 5.0, 20.0, 45.0, 120.0)
"""Seconds: a back-off, a cool-down, a save margin, an exchange, a lease, a token's life."""

BEGINNING = Setting(replicas=3, users=USERS, replies=EVERY_CALL, lifetime=LIFETIME, age=LIFETIME)
"""What a race begins with unless it is told otherwise."""

SETTINGS = settings(
    deadline=None,  # real stores take the time that they take
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
"""What the machine runs with unless its ``TestCase.settings`` are set: 100 examples, as Hypothesis's own."""


def refresh_races(
    open_store: OpenStore, *, setting: Setting | None = None, clock: VirtualClock | None = None
) -> type[RuleBasedStateMachine]:
    """Return a state machine that races concurrent refreshes on the store::

        TestMyStore = refresh_races(open_my_store).TestCase

    ``open_store`` returns an async context manager that yields a fresh, empty store; it is called once for
    each example. Three replicas with real :class:`~extauth.TokenService`s share it. Rules start callers,
    let parked calls go on one at a time, cancel, crash, shut down, let leases lapse and time pass,
    authorize, unlink, re-encrypt, rotate keys, and make the store and the provider fail. After every step
    each promise is checked by name against what the provider holds. A failure shrinks to a short schedule
    and prints as a script for :func:`~extauth.testing.replay`.

    ``clock`` is the clock that the store's leases run by, if the test owns it, for example that of
    ``MemoryLinkStore(now=clock.now)``. ``setting`` says otherwise what a run begins with.
    """
    chosen = setting or BEGINNING

    class RefreshRaces(_Races):
        def begin(self) -> Interleaver:
            return Interleaver(open_store, chosen, clock=clock)

    RefreshRaces.TestCase.settings = SETTINGS
    return RefreshRaces


class _Races(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = self.begin().__enter__()

    def begin(self) -> Interleaver:
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            if not self.world.broken:
                finish(self.world)
        finally:
            self.world.__exit__(None, None, None)

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        self._do("call", _one_of(data, self.world.running), self._wanted(data))

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def call_everywhere(self, data: st.DataObject) -> None:
        wanted = self._wanted(data)
        for replica in self.world.running:
            self._do("call", replica, wanted)

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def refresh_after_a_401(self, data: st.DataObject) -> None:
        self._do("refresh", _one_of(data, self.world.running), self._wanted(data))

    @precondition(lambda self: self._gates())
    @rule(data=st.data(), times=st.integers(1, 6))
    def open_any_gates(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            if self._gates() and not self.world.broken:
                self._do("open", _one_of(data, self._gates()))

    @precondition(lambda self: self._gates())
    @rule(times=st.integers(1, 12))
    def open_gates_in_order(self, times: int) -> None:
        for _ in range(times):
            if self._gates() and not self.world.broken:
                self._do("open", self._gates()[0])

    @precondition(lambda self: self._gates(STORE_CALLS))
    @rule(data=st.data(), verdict=st.sampled_from(STORE_VERDICTS))
    def fail_the_store(self, data: st.DataObject, verdict: str) -> None:
        self._do("open", _one_of(data, self._gates(STORE_CALLS)), verdict)

    @precondition(lambda self: self._gates({REFRESH}))
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def fail_the_provider(self, data: st.DataObject, fault: Fault) -> None:
        self._do("open", _one_of(data, self._gates({REFRESH})), fault)

    @precondition(lambda self: self.world.calls)
    @rule(data=st.data())
    def cancel_a_caller(self, data: st.DataObject) -> None:
        self._do("cancel", _one_of(data, list(self.world.calls)))

    @precondition(lambda self: len(self.world.running) > 1)
    @rule(data=st.data(), how=st.sampled_from(ENDINGS))
    def end_a_replica(self, data: st.DataObject, how: Verb) -> None:
        self._do(how, _one_of(data, self.world.running))

    @rule(seconds=st.sampled_from(SPANS))
    def let_time_pass(self, seconds: float) -> None:
        self._do("advance", f"{seconds}")

    @precondition(lambda self: self.world.next_instant() is not None)
    @rule()
    def let_the_next_moment_come(self) -> None:
        self._do("advance", f"{self.world.next_instant():.6f}")

    @precondition(lambda self: self.world.next_lapse() is not None)
    @rule()
    def let_a_lease_lapse(self) -> None:
        self._do("advance", f"{self.world.next_lapse():.6f}")

    @precondition(lambda self: self.world.running)
    @rule(data=st.data())
    def rotate_keys(self, data: st.DataObject) -> None:
        self._do("rotate", _one_of(data, self.world.running), self._user(data))

    @rule(data=st.data(), what=st.sampled_from(DEEDS))
    def meanwhile(self, data: st.DataObject, what: Verb) -> None:
        self._do(what, self._user(data))

    def _do(self, verb: Verb, target: str, detail: str = "") -> None:
        self.world.do(Step(verb, target, detail))

    def _user(self, data: st.DataObject) -> str:
        return _one_of(data, list(self.world.setting.users))

    def _wanted(self, data: st.DataObject) -> str:
        setting = self.world.setting
        return _one_of(data, [wanted for user in setting.users for wanted in setting.wanted_of(user)])

    def _gates(self, operations: frozenset[str] | set[str] | None = None) -> list[str]:
        ready = self.world.gates.ready()
        return [gate.name for gate in ready if operations is None or gate.operation in operations]


def _one_of(data: st.DataObject, options: list[str]) -> str:
    return data.draw(st.sampled_from(options))


def _kept(name: str, promise: str) -> Any:
    def kept(machine: _Races) -> None:
        if any(broken.promise == promise for broken in machine.world.broken):
            check(machine.world)

    kept.__name__ = kept.__qualname__ = name
    return invariant()(kept)


for _promise in PROMISES:
    _name = _promise.replace(" ", "_").replace("'", "")
    setattr(_Races, _name, _kept(_name, _promise))
