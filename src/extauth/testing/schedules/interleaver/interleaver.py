"""Several replicas on one store and one provider, in one thread, going on only where the schedule says."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Self, final

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Claimed
from extauth.domain.resources import access_tokens
from extauth.testing.schedules.interleaver.cast import STOPPING, Cast
from extauth.testing.schedules.interleaver.gates import Gates, report_unhandled
from extauth.testing.schedules.interleaver.oracle import Answer, Oracle
from extauth.testing.schedules.interleaver.ports import STORE_WRITES
from extauth.testing.schedules.interleaver.promises import Broken
from extauth.testing.schedules.interleaver.replica import Call, Replica, ending
from extauth.testing.schedules.interleaver.setting import PROVIDER_ID, OpenStore, Setting, key_of
from extauth.testing.schedules.interleaver.steps import CHANGE_LINKS, Step, format_script
from extauth.testing.schedules.interleaver.trace import Log, shown
from extauth.testing.schedules.interleaver.users import Users
from extauth.testing.schedules.interleaver.virtual_leases import VirtualLeases
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock, VirtualLoop
from extauth.testing.scripted.provider import ScriptedProvider


@final
class Interleaver:
    """Runs a schedule on real token services, step by step, and judges every step.

    A replica's every call through a port parks at a gate (``r1.claim#1``: the first claim of replica r1)
    until a step opens it. Nothing else decides the order: the same schedule gives the same :attr:`trace`.
    Enter it as a context manager; it runs an event loop of its own, so it cannot be used inside another.

    ``clock`` is the clock that the store's leases run by, where a test owns it. Without one the store's own
    clock is left alone, and leases lapse by the contract's means. ``loop``, on that clock, serves many runs.
    """

    def __init__(
        self,
        open_store: OpenStore,
        setting: Setting | None = None,
        *,
        clock: VirtualClock | None = None,
        loop: VirtualLoop | None = None,
    ) -> None:
        self.setting = setting or Setting()
        self.clock = clock or VirtualClock()
        self.clock.reset()
        self.loop = loop or VirtualLoop(self.clock)
        self.loop.drop_timers()
        self.loop.set_exception_handler(report_unhandled)
        self.gates = Gates()
        self.provider = ScriptedProvider(
            PROVIDER_ID,
            lifetime=self.setting.lifetime,
            traits=self.setting.traits,
            reuse=self.setting.reuse,
            replay_window=self.setting.replay_window,
            now=self.clock.now,
        )
        self.oracle = Oracle(self.provider, self.clock, self.gates, self.setting.policy)
        self.ledger = self.oracle.ledger
        self.replies = self.setting.replies
        self.steps: list[Step] = []
        """The schedule so far."""
        self.trace: list[str] = []
        """What happened, one line an event."""
        self.answers: dict[str, str | BaseException] = {}
        """How the calls that have ended ended, by caller: a token or an error."""
        self._keeps_loop = loop is not None
        self._owns_clock = clock is not None
        self._opening = open_store()
        self._log = Log(self.oracle)
        self._lease_ends: dict[LinkKey, float] = {}
        self._dirty = True
        """Whether the stored links may have changed since they were last looked at."""

    def __enter__(self) -> Self:
        self._log.__enter__()
        store = self.loop.complete(self._opening.__aenter__())
        self._store = store if self._owns_clock else VirtualLeases(store, self.clock)
        self._users = Users(self._store, self.provider, self.loop, self.setting)
        self._cast = Cast(self.setting, self, self.trace, store=self._store, provider=self.provider)
        for user in self.setting.users:
            self._users.authorize(user, age=self.setting.age)
        for _ in range(self.setting.replicas):
            self._cast.start()
        self._look(None)
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._cast.dismiss()
            self.loop.complete(self._opening.__aexit__(None, None, None))
        finally:
            self._log.__exit__()
            if not self._keeps_loop:
                self.loop.close()

    @property
    def script(self) -> str:
        """The schedule so far, in the form that :func:`~extauth.testing.replay` reads."""
        return format_script(self.steps)

    @property
    def broken(self) -> list[Broken]:
        """The promises that were not kept so far."""
        return self.oracle.broken

    @property
    def replicas(self) -> list[str]:
        """All replicas, whatever has become of them."""
        return list(self._cast.replicas)

    @property
    def running(self) -> list[str]:
        """The replicas that take calls."""
        return self._cast.running

    @property
    def busy(self) -> list[str]:
        """The replicas with a call parked at some gate."""
        return self._cast.busy

    @property
    def calls(self) -> dict[str, Call]:
        """Calls under way, by the caller's name; ended ones are judged and removed."""
        return self._cast.calls

    def stored(self, user: str) -> Link | None:
        """Return the user's link as it is stored."""
        return self.oracle.stored.get(user)

    def history(self, replica: str) -> Sequence[Hashable]:
        """Return everything that the replica's code has been told, in order."""
        return self._cast.replicas[replica].history

    def next_instant(self) -> float | None:
        """Return the seconds to the next timer, end of a sleep, a wait or a lease, or expiry, if any."""
        now = self.clock.monotonic()
        parked = (gate.due for name in self.replicas for gate in self.gates.parked(name))
        moments = [*filter(None, parked), *self._lease_ends.values()]
        moments += (
            now + (token.expires_at - self.clock.now()).total_seconds()
            for link in self.oracle.stored.values()
            for token in access_tokens(link.tokens).values()
            if token.expires_at is not None
        )
        if (timer := self.loop.next_timer()) is not None:
            moments.append(timer)
        moment = min((moment for moment in moments if moment > now), default=None)
        return None if moment is None else self.clock.until(moment)

    def next_lapse(self) -> float | None:
        """Return the seconds until the next lease lapses, if one is live."""
        ends = min(self._lease_ends.values(), default=None)
        return None if ends is None else self.clock.until(ends)

    def do(self, step: Step) -> None:
        """Carry one step out, let everybody go on as far as they can, and judge what came of it.

        :raises LookupError: if the step is impossible now.
        """
        self.trace.append(f"{step}")
        under_way = self.ledger.under_way(step.target.partition(".")[0]) if step.verb in STOPPING else []
        self._carry_out(step)
        self.steps.append(step)
        self.loop.settle()
        self.oracle.judge_cut_off(under_way)
        self._cast.end_turn()
        if self._dirty:
            self._look(step)
        for call in [call for call in self.calls.values() if call.task.done()]:
            self._judge(call)
        self.oracle.judge_standing()

    def run(self, steps: Iterable[Step]) -> None:
        """Carry steps out until they end or a promise is broken."""
        for step in steps:
            self.do(step)
            if self.broken:
                return

    def drain(self, patience: int = 10_000) -> None:
        """Open every gate, the longest parked first, with nothing going wrong, until all calls have ended;
        let time pass where nothing else helps. Stops when a promise is broken, or after that many steps."""
        for _ in range(patience):
            ready = self.gates.ready()
            if self.broken:
                return
            if ready:
                self.do(Step("open", ready[0].name))
            elif self.busy and (seconds := self.next_instant()) is not None:
                self.do(Step("advance", f"{seconds:.6f}"))
            else:
                break
        self.oracle.judge_end(self.calls)

    def start_replica(self) -> Replica:
        """Start one more replica; no step does that."""
        return self._cast.start()

    def carried_out(self, replica: str, operation: str, result: object) -> None:
        """Take note of what came of a call through a port; the ports tell it."""
        # Equal outcomes of claims may differ in what the store's clock says, and of which history.
        others = (getattr(result, name, None) for name in ("at", "lease", "history"))
        self._cast.replicas[replica].history.append((operation, result, *others))
        self.trace.append(f"  {replica} {operation}: {shown(result)}")
        self._dirty = self._dirty or operation in STORE_WRITES
        if isinstance(result, Claimed):
            ends = self.clock.in_seconds(self.setting.policy.lease_at(self.provider.traits).total_seconds())
            self._lease_ends[result.link.key] = ends

    def exchange_ended(self, key: LinkKey, version: int) -> bool:
        """Say whether no live lease on that version is in the store; the ports ask it."""
        link = self.stored(key.user_id)
        return link is None or link.version != version or not (link.pending and link.pending.live)

    def _carry_out(self, step: Step) -> None:
        self._dirty = self._dirty or step.verb in CHANGE_LINKS
        match step.verb:
            case "call" | "refresh":
                self._call(step.target, step.detail, asked_for_another=step.verb == "refresh")
            case "open":
                replica, _, operation = step.target.partition(".")
                self.gates.open(step.target, step.detail)
                self._cast.take_turn(replica, "open", operation, step.detail)
            case "rotate":
                self._cast.rotate(step.target, step.detail)
            case "cancel":
                self._cast.cancel(step.target)
            case "sweep":
                self._cast.sweep(step.target)
            case "crash":
                self._cast.crash(step.target)
            case "close":
                self._cast.close(step.target)
            case "advance":
                self._advance(float(step.target))
            case "jump":
                self.clock.jump(float(step.target))
            case _:
                self._carry_out_outside(step)

    def _carry_out_outside(self, step: Step) -> None:
        match step.verb:
            case "authorize":
                self._users.authorize(step.target)
            case "unlink":
                self._users.unlink(step.target)
            case "reseal":
                self._users.reseal(step.target)
            case "lift":
                self.ledger.lifted_at = self.clock.monotonic()
                self._users.lift(step.target)
            case "forget":
                self.oracle.forgotten = True
                self._users.forget(int(step.target))
            case _:
                raise AssertionError(step.verb)

    def _call(self, replica: str, wanted: str, *, asked_for_another: bool) -> None:
        user, _ = self.setting.asked_for(wanted)
        self._cast.call(replica, wanted, self.stored(user), asked_for_another=asked_for_another)

    def _advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        now = self.clock.monotonic()
        for name in self.busy:
            self._cast.replicas[name].history.append(("time", now))
        self._lease_ends = {key: ends for key, ends in self._lease_ends.items() if ends > now}

    def _look(self, step: Step | None) -> None:
        """Look at the stored links after a step, or at the beginning, when all were just authorized."""
        self._dirty = False
        for user in self.setting.users:
            authorized = step is None or (step.verb == "authorize" and step.target == user)
            unlinked = step is not None and step.verb == "unlink" and step.target == user
            link = self._users.link(user)
            self.oracle.stored_now(user, link, authorized=authorized, unlinked=unlinked)
            if link is None or link.pending is None or not link.pending.live:
                self._lease_ends.pop(key_of(user), None)

    def _judge(self, call: Call) -> None:
        del self.calls[call.name]
        outcome = self.answers[call.name] = ending(call.task)
        self.trace.append(f"  {call.name}: {shown(outcome)}")
        answer = Answer(
            user=call.user,
            resource=call.resource,
            caller=call.name,
            found=call.found,
            doomed=call.doomed,
            asked_for_another=call.asked_for_another,
            outcome=outcome,
            store_failed=self.ledger.store_failures.get(call.replica, -1.0) >= call.began,
            interrupted=call.cancelled or self._cast.replicas[call.replica].ended,
            began=call.began,
        )
        self.oracle.judge_answer(answer)
