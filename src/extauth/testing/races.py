"""Concurrent refreshes on any store, as a Hypothesis state machine that looks for a schedule which breaks a promise."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth.testing.faults import Fault
from extauth.testing.interleaver import oracle
from extauth.testing.interleaver.interleaver import Interleaver, OpenStore, Setting
from extauth.testing.interleaver.ports import REFRESH, STORE_VERDICTS, STORE_WRITES
from extauth.testing.interleaver.replay import check, finish
from extauth.testing.interleaver.steps import Step, Verb
from extauth.testing.interleaver.virtual_time import VirtualClock

USERS = ("alice", "bob")

EVERY_CALL = STORE_WRITES | {"get", REFRESH}
"""In a race every call parks on the way back too: something may happen between its effect and its answer."""

FAULTS = tuple(fault for fault in Fault if fault not in {Fault.DELAYED_BEFORE, Fault.DELAYED_AFTER})
"""Delays are what gates are for."""

SPANS = (0.05, 1.0, 5.0, 20.0, 45.0, 300.0, 3600.0)
"""Seconds: a back-off, a cool-down, a save margin, an exchange, a lease, a look-ahead, a token's life."""

_SETTINGS = settings(
    deadline=None,  # real stores take the time that they take
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)


def refresh_races(
    open_store: OpenStore,
    *,
    clock: VirtualClock | None = None,
    replicas: int = 3,
    setting: Setting | None = None,
) -> type[RuleBasedStateMachine]:
    """Return a state machine that races concurrent refreshes on the store::

        TestMyStore = refresh_races(open_my_store).TestCase

    ``open_store`` returns an async context manager that yields a fresh, empty store; it is called once for
    each example. Several replicas with real :class:`~extauth.TokenService`s share it. Rules start callers, let
    parked calls go on one at a time, cancel, crash, shut down, let leases lapse and time pass, authorize, unlink,
    re-encrypt, and make the store and the provider fail. After every step each promise is checked by name
    against what the provider holds. A failure shrinks to a short schedule and prints as a script for
    :func:`replay`.

    ``clock`` is the clock that the store's leases run by, if the test owns it, for example
    ``MemoryLinkStore(now=clock.now)``. ``setting`` overrides everything that a run begins with.
    """
    beginning = setting or Setting(replicas=replicas, users=USERS, replies=EVERY_CALL)

    class RefreshRaces(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = Interleaver(open_store, beginning, clock=clock)
            self.world.__enter__()

        def _do(self, verb: Verb, target: str, detail: str = "") -> None:
            self.world.do(Step(verb, target, detail))

        def _draw(self, data: st.DataObject, options: list[str]) -> str:
            return data.draw(st.sampled_from(options))

        def _may_call(self) -> bool:
            return bool(self.world.running)

        def _parked(self) -> bool:
            return bool(self.world.gates.ready())

        def _writing(self) -> bool:
            return bool(self._gates(STORE_WRITES | {"get"}))

        def _presenting(self) -> bool:
            return bool(self._gates(frozenset({REFRESH})))

        def _calling(self) -> bool:
            return bool(self.world.calls)

        def _busy(self) -> bool:
            return bool(self.world.busy)

        def _gates(self, operations: frozenset[str]) -> list[str]:
            return [gate.name for gate in self.world.gates.ready() if gate.operation in operations]

        @precondition(_may_call)
        @rule(data=st.data(), user=st.sampled_from(beginning.users))
        def call(self, data: st.DataObject, user: str) -> None:
            self._do("call", self._draw(data, self.world.running), user)

        @precondition(_may_call)
        @rule(data=st.data(), user=st.sampled_from(beginning.users))
        def refresh_after_a_401(self, data: st.DataObject, user: str) -> None:
            self._do("refresh", self._draw(data, self.world.running), user)

        @precondition(_parked)
        @rule(data=st.data())
        def open_a_gate(self, data: st.DataObject) -> None:
            self._do("open", self._draw(data, [gate.name for gate in self.world.gates.ready()]))

        @precondition(_parked)
        @rule(data=st.data(), times=st.integers(2, 8))
        def open_gates(self, data: st.DataObject, times: int) -> None:
            for _ in range(times):
                if ready := [gate.name for gate in self.world.gates.ready()]:
                    self._do("open", self._draw(data, ready))

        @precondition(_writing)
        @rule(data=st.data(), verdict=st.sampled_from(STORE_VERDICTS))
        def fail_the_store(self, data: st.DataObject, verdict: str) -> None:
            self._do("open", self._draw(data, self._gates(STORE_WRITES | {"get"})), verdict)

        @precondition(_presenting)
        @rule(data=st.data(), fault=st.sampled_from(FAULTS))
        def fail_the_provider(self, data: st.DataObject, fault: Fault) -> None:
            self._do("open", self._draw(data, self._gates(frozenset({REFRESH}))), fault)

        @precondition(_calling)
        @rule(data=st.data())
        def cancel_a_caller(self, data: st.DataObject) -> None:
            self._do("cancel", self._draw(data, list(self.world.calls)))

        @precondition(_may_call)
        @rule(data=st.data())
        def cancel_all(self, data: st.DataObject) -> None:
            self._do("sweep", self._draw(data, self.world.running))

        @precondition(_busy)
        @rule(data=st.data())
        def crash(self, data: st.DataObject) -> None:
            self._do("crash", self._draw(data, self.world.busy))

        @precondition(_may_call)
        @rule(data=st.data())
        def shut_down(self, data: st.DataObject) -> None:
            self._do("close", self._draw(data, self.world.running))

        @rule(seconds=st.sampled_from(SPANS))
        def let_time_pass(self, seconds: float) -> None:
            self._do("advance", f"{seconds}")

        @rule()
        def let_the_next_moment_come(self) -> None:
            if (seconds := self.world.next_instant()) is not None:
                self._do("advance", f"{seconds:.6f}")

        @rule(user=st.sampled_from(beginning.users))
        def authorize_again(self, user: str) -> None:
            self._do("authorize", user)

        @rule(user=st.sampled_from(beginning.users))
        def unlink(self, user: str) -> None:
            self._do("unlink", user)

        @rule(user=st.sampled_from(beginning.users))
        def re_encrypt(self, user: str) -> None:
            self._do("reseal", user)

        @rule(user=st.sampled_from(beginning.users))
        def lift_marks(self, user: str) -> None:
            self._do("lift", user)

        def teardown(self) -> None:
            try:
                if not self.world.broken:
                    finish(self.world)
            finally:
                self.world.__exit__(None, None, None)

    for promise in oracle.PROMISES:
        name = promise.replace(" ", "_").replace("'", "")
        setattr(RefreshRaces, name, _kept(name, promise))
    RefreshRaces.TestCase.settings = _SETTINGS
    return RefreshRaces


def _kept(name: str, promise: str) -> Any:
    def kept(machine: Any) -> None:
        if any(broken.promise == promise for broken in machine.world.broken):
            check(machine.world)

    kept.__name__ = kept.__qualname__ = name
    return invariant()(kept)
