"""Several replicas on one store and one provider, in one thread, going on only where the schedule says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Protocol, Self, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import Event, SaveAbandoned
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Claimed
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.ports import LinkStore
from extauth.services.tokens import TokenService
from extauth.testing.reuse import Reuse
from extauth.testing.interleaver.gates import Gates, ReplicaCrashed
from extauth.testing.interleaver.oracle import Answer, Broken, Oracle
from extauth.testing.interleaver.ports import (
    REFRESH,
    STORE_VERDICTS,
    STORE_WRITES,
    GatedClock,
    GatedProvider,
    GatedStore,
)
from extauth.testing.interleaver.steps import Step, format_script
from extauth.testing.interleaver.tasks import TaskOwners
from extauth.testing.interleaver.virtual_leases import VirtualLeases
from extauth.testing.interleaver.virtual_time import VirtualClock, VirtualLoop
from extauth.testing.scripted_provider import ScriptedProvider

PROVIDER_ID = "scripted"

OpenStore = Callable[[], AbstractAsyncContextManager[LinkStore]]


class MakeService(Protocol):
    """Makes the service of one replica; :class:`~extauth.TokenService` itself, unless it is to be broken."""

    def __call__(
        self,
        store: LinkStore,
        providers: Iterable[Any],
        *,
        policy: RefreshPolicy,
        clock: Any,
        observer: Any,
        rng: random.Random,
    ) -> TokenService: ...


@final
@attrs.frozen(kw_only=True)
class Setting:
    """What a run begins with."""

    replicas: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    users: tuple[str, ...] = ("alice",)
    """Each is linked at the beginning."""
    lifetime: timedelta = timedelta(hours=1)
    """Of every access token."""
    age: timedelta = timedelta(hours=1)
    """Of the access tokens at the beginning; by default they have just expired."""
    reuse: Reuse = "strict"
    replay_window: timedelta | None = None
    traits: ProviderTraits | None = None
    """What the service believes of the provider; by default the truth."""
    policy: RefreshPolicy = RefreshPolicy()
    replies: frozenset[str] = frozenset({REFRESH})
    """The calls that park on the way back, too: ``refresh`` and the store's methods."""
    make_service: MakeService = TokenService


_OWNER_BITS = 64


def lease_owner(owner: str) -> tuple[str, int]:
    """Return whose lease it is by the owner that an :class:`Interleaver`'s replica drew, and which draw."""
    number = int(owner, 16)
    return f"r{number >> _OWNER_BITS}", number % 2**_OWNER_BITS


@final
class _Owners(random.Random):
    """No jitter, and lease owners that say whose they are."""

    def __init__(self, replica: int) -> None:
        super().__init__(0)
        self._first = replica << _OWNER_BITS
        self._drawn = 0

    def random(self) -> float:
        return 0.0

    def getrandbits(self, k: int, /) -> int:
        self._drawn += 1
        return self._first + self._drawn


@final
@attrs.define(eq=False)
class Call:
    """A caller's call under way."""

    name: str
    replica: str
    user: str
    began: float
    found: Link | None
    asked_for_another: bool
    task: asyncio.Task[str]


@final
@attrs.define(eq=False)
class _Replica:
    name: str
    service: TokenService
    ended: bool = False
    """Whether it takes no more calls: crashed, closed or swept."""
    calls: int = 0
    """How many callers it has had."""
    history: list[Hashable] = attrs.field(factory=list[Hashable])
    """Everything that its code has been told, in order: it determines its state."""


@final
class Interleaver:
    """Runs a schedule on real token services, step by step, and judges every step.

    A replica's every call through a port parks at a gate (``r1.claim#1``: the first claim of replica r1)
    until a step opens it. Nothing else decides the order: the same schedule gives the same
    :attr:`trace`. Enter it as a context manager; it runs an event loop of its own, so it must not be used
    inside another.

    ``clock`` is the clock that the store's leases run by, where a test owns it. Without one the store's own
    clock is left alone, and leases lapse by the contract's means.
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
        self._given_loop = loop
        self.loop = loop or VirtualLoop(self.clock)
        self.loop.set_exception_handler(_report)
        self.replies = self.setting.replies
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
        self.steps: list[Step] = []
        """The schedule so far."""
        self.trace: list[str] = []
        """What happened, one line an event."""
        self._opening = open_store()
        self._own_clock = clock is None
        self._store: LinkStore
        self._replicas: dict[str, _Replica] = {}
        self.calls: dict[str, Call] = {}
        """Calls under way; ended ones are judged and removed."""
        self.answers: dict[str, str | BaseException] = {}
        """How the calls that have ended ended, by caller: a token or an error."""
        self._lease_ends: dict[LinkKey, float] = {}
        self._dirty = True
        """Whether the stored links may have changed since they were last looked at."""
        self._background: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._owners = TaskOwners(self.loop)
        store = self.loop.complete(self._opening.__aenter__())
        self._store = VirtualLeases(store, self.clock) if self._own_clock else store
        for user in self.setting.users:
            self._authorize(user, age=self.setting.age)
        for number in range(1, self.setting.replicas + 1):
            self._start_replica(f"r{number}")
        self._look()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            for name in self._replicas:
                self.gates.crash(name)
            self.loop.settle()
            for call in self.calls.values():
                call.task.cancelled() or call.task.exception()
            for task in self._background:
                task.cancelled() or task.exception()
            self.loop.complete(self._opening.__aexit__(None, None, None))
        finally:
            if self._given_loop is None:
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
        return list(self._replicas)

    @property
    def running(self) -> list[str]:
        """The replicas that take calls."""
        return [name for name, replica in self._replicas.items() if not replica.ended]

    @property
    def busy(self) -> list[str]:
        """The replicas that have calls or work under way."""
        return [name for name in self._replicas if self.gates.parked(name)]

    def stored(self, user: str) -> Link | None:
        """Return the user's link as it is stored."""
        return self.oracle.stored.get(user)

    def history(self, replica: str) -> Sequence[Hashable]:
        """Return everything that the replica's code has been told, in order."""
        return self._replicas[replica].history

    def next_instant(self) -> float | None:
        """Return the seconds to the next moment at which something happens by itself, if there is one:
        a timer fires, a sleep or a wait is over, a lease lapses."""
        now = self.clock.monotonic()
        moments = [gate.due for replica in self._replicas for gate in self.gates.parked(replica) if gate.due]
        moments += self._lease_ends.values()
        if (timer := self.loop.next_timer()) is not None:
            moments.append(timer)
        moment = min((moment for moment in moments if moment > now), default=None)
        return None if moment is None else self.clock.until(moment)

    def do(self, step: Step) -> None:
        """Carry one step out, let everybody go on as far as they can, and judge what came of it.

        :raises LookupError: if the step is impossible now.
        """
        self.steps.append(step)
        self.trace.append(f"{step}")
        _CARRY_OUT[step.verb](self, step)
        self.loop.settle()
        self._owners.turn = ""
        self._look(step)
        self._collect()
        self.oracle.judge_standing()

    def run(self, steps: Iterable[Step]) -> None:
        """Carry steps out until they end or a promise is broken."""
        for step in steps:
            self.do(step)
            if self.broken:
                return

    def drain(self, patience: int = 10_000) -> None:
        """Open every gate, the longest parked first, with nothing going wrong, until all calls have ended;
        let time pass where nothing else helps."""
        for _ in range(patience):
            if self.broken:
                return
            ready = self.gates.ready()
            if ready:
                self.do(Step("open", ready[0].name))
            elif self.busy and (seconds := self.next_instant()) is not None:
                self.do(Step("advance", f"{seconds:.6f}"))
            else:
                break
        self.oracle.judge_end(self.calls)

    def recover(self) -> None:
        """Let a fresh replica ask for every user's token, all faults having stopped, and judge it.

        A cool-down is waited for.
        """
        schedule = len(self.steps)
        fresh = f"r{len(self._replicas) + 1}"
        self._start_replica(fresh)
        for user in self.setting.users:
            link = self.stored(user)
            mark = None if link is None else link.failure
            if mark is not None and mark.retry_at is not None and mark.retry_at > self.clock.now():
                self.do(Step("advance", f"{(mark.retry_at - self.clock.now()).total_seconds():.6f}"))
            self.do(Step("call", fresh, user))
            self.drain()
            answer = self.answers.pop(f"{fresh}.c{self._replicas[fresh].calls}", None)
            if answer is not None:
                self.oracle.judge_recovery(user, answer)
        del self.steps[schedule:]

    # What ports tell.

    def carried_out(self, replica: str, operation: str, result: object) -> None:
        self._replicas[replica].history.append((operation, result))
        self.trace.append(f"  {replica} {operation}: {_shown(result)}")
        if operation in STORE_WRITES:
            self._dirty = True
        if isinstance(result, Claimed):
            ends = self.clock.in_seconds(self.setting.policy.lease_ttl.total_seconds())
            self._lease_ends[result.link.key] = ends

    def exchange_ended(self, key: LinkKey, version: int) -> bool:
        link = self.stored(key.user_id)
        return link is None or link.version != version or link.pending is None or not link.pending.live

    def _look(self, step: Step | None = None) -> None:
        if not self._dirty:
            return
        self._dirty = False
        for user in self.setting.users:
            link = self.loop.complete(self._store.get(_key(user)))
            authorized = step is None or (step.verb == "authorize" and step.target == user)
            unlinked = step is not None and step.verb == "unlink" and step.target == user
            self.oracle.stored_now(user, link, authorized=authorized, unlinked=unlinked)

    def _collect(self) -> None:
        for call in [call for call in self.calls.values() if call.task.done()]:
            del self.calls[call.name]
            outcome = self.answers[call.name] = _outcome(call.task)
            self.trace.append(f"  {call.name}: {_shown(outcome)}")
            self.oracle.judge_answer(
                Answer(
                    call.user,
                    call.replica,
                    call.name,
                    call.began,
                    call.found,
                    call.asked_for_another,
                    outcome,
                    self.ledger.store_failures.get(call.replica, -1.0) >= call.began,
                )
            )

    # What steps do.

    def _start_replica(self, name: str) -> None:
        number = len(self._replicas) + 1
        service = self.setting.make_service(
            GatedStore(self._store, name, self),
            [GatedProvider(self.provider, name, self)],
            policy=self.setting.policy,
            clock=GatedClock(name, self),
            observer=_Listener(self, name),
            rng=_Owners(number),
        )
        self._replicas[name] = _Replica(name, service)

    def _start_call(self, replica: str, user: str, *, asked_for_another: bool) -> str:
        caller = self._replica(replica)
        caller.calls += 1
        name = f"{replica}.c{caller.calls}"
        link = self.stored(user)
        service = caller.service
        found_version = None if link is None else link.version
        self._take_turn(replica, ("call", user, asked_for_another, found_version))
        rejected = None
        if asked_for_another and link is not None:
            rejected = link.tokens.access_token
            self.ledger.refused_access_tokens.add(rejected)
        call = (
            _token(service, user, rejected) if asked_for_another else service.access_token(PROVIDER_ID, user)
        )
        task = self.loop.create_task(call)
        began = self.clock.monotonic()
        self.calls[name] = Call(name, replica, user, began, link, asked_for_another, task)
        return name

    def _call(self, step: Step) -> None:
        self._start_call(step.target, step.detail, asked_for_another=False)

    def _refresh(self, step: Step) -> None:
        self._start_call(step.target, step.detail, asked_for_another=True)

    def _open(self, step: Step) -> None:
        replica = step.target.partition(".")[0]
        self.gates.open(step.target, step.detail)
        self._take_turn(replica, ("open", step.target.partition(".")[2], step.detail))

    def _cancel(self, step: Step) -> None:
        call = self.calls.get(step.target)
        if call is None:
            msg = f"no call {step.target!r} is under way; those that are: {', '.join(self.calls) or 'none'}"
            raise LookupError(msg)
        self._take_turn(call.replica, ("cancel", step.target.partition(".")[2]))
        call.task.cancel()

    def _sweep(self, step: Step) -> None:
        self._replica(step.target).ended = True
        self._take_turn(step.target, ("sweep",))
        for task in self._owners.visible(step.target):
            task.cancel()

    def _crash(self, step: Step) -> None:
        self._replica(step.target, ended=True).ended = True
        self.ledger.crashed.add(step.target)
        self._take_turn(step.target, ("crash",))
        self.gates.crash(step.target)

    def _close(self, step: Step) -> None:
        replica = self._replica(step.target)
        replica.ended = True
        self._take_turn(step.target, ("close",))
        self._background.append(self.loop.create_task(replica.service.aclose()))

    def _advance(self, step: Step) -> None:
        self.clock.advance(float(step.target))
        now = self.clock.monotonic()
        for name in self.busy:
            self._replicas[name].history.append(("time", now))
        self._lease_ends = {key: ends for key, ends in self._lease_ends.items() if ends > now}
        self._dirty = True

    def _authorize_again(self, step: Step) -> None:
        self._authorize(step.target)

    def _authorize(self, user: str, age: timedelta = timedelta(0)) -> None:
        tokens = self.provider.grant(user)
        if age:
            issued_at = self.clock.now() - age
            expires_at = issued_at + self.setting.lifetime
            tokens = attrs.evolve(tokens, issued_at=issued_at, expires_at=expires_at)
        self._harness(self._store.put(_key(user), tokens))

    def _unlink(self, step: Step) -> None:
        self._harness(self._store.delete(_key(step.target)))

    def _reseal(self, step: Step) -> None:
        link = self.stored(step.target)
        if link is not None:
            number = int((link.tokens.refresh_token_key_id or "k0")[1:]) + 1
            tokens = attrs.evolve(
                link.tokens, access_token_key_id=f"k{number}", refresh_token_key_id=f"k{number}"
            )
            self._harness(self._store.reseal(link.key, link.version, tokens))

    def _lift(self, step: Step) -> None:
        self.ledger.lifted_at = self.clock.monotonic()
        self._harness(self._store.lift_failure(PROVIDER_ID, user_id=step.target))

    def _harness(self, work: Any) -> None:
        self.loop.complete(work)
        self._dirty = True

    def _take_turn(self, replica: str, what: tuple[Hashable, ...]) -> None:
        self._owners.turn = replica
        self._replicas[replica].history.append((*what, self.clock.monotonic()))

    def _replica(self, name: str, *, ended: bool = False) -> _Replica:
        replica = self._replicas.get(name)
        if replica is None or (replica.ended and not ended):
            msg = f"no replica {name!r} takes calls; those that do: {', '.join(self.running) or 'none'}"
            raise LookupError(msg)
        return replica


_CARRY_OUT: dict[str, Callable[[Interleaver, Step], None]] = {
    "call": Interleaver._call,
    "refresh": Interleaver._refresh,
    "open": Interleaver._open,
    "cancel": Interleaver._cancel,
    "sweep": Interleaver._sweep,
    "crash": Interleaver._crash,
    "close": Interleaver._close,
    "advance": Interleaver._advance,
    "authorize": Interleaver._authorize_again,
    "unlink": Interleaver._unlink,
    "reseal": Interleaver._reseal,
    "lift": Interleaver._lift,
}


@final
class _Listener:
    """A replica's observer."""

    def __init__(self, interleaver: Interleaver, replica: str) -> None:
        self._interleaver = interleaver
        self._replica = replica

    def notify(self, event: Event) -> None:
        shown = repr(event)
        self._interleaver.trace.append(f"  {self._replica}: {shown}")
        self._interleaver.oracle.judge_text(shown)
        if isinstance(event, SaveAbandoned):
            self._interleaver.ledger.abandoned.add(self._replica)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody handled, except that a killed replica's tasks have ended."""
    if not isinstance(context.get("exception"), ReplicaCrashed):
        loop.default_exception_handler(context)


def _key(user: str) -> LinkKey:
    return LinkKey(PROVIDER_ID, user)


async def _token(service: TokenService, user: str, rejected: str | None) -> str:
    return (await service.refresh(PROVIDER_ID, user, rejected=rejected)).tokens.access_token


def _outcome(task: asyncio.Task[str]) -> str | BaseException:
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return error if error is not None else task.result()


def _shown(result: object) -> str:
    """Return a short text of what came of a call, with versions rather than tokens."""
    if isinstance(result, Link):
        return _shown_link(result)
    link = getattr(result, "link", None)
    name = type(result).__name__
    if isinstance(link, Link):
        return f"{name} {_shown_link(link)}"
    if isinstance(result, BaseException):
        return f"{name}({result})"
    if isinstance(result, str) and result not in STORE_VERDICTS:
        return "an access token"
    return str(result)


def _shown_link(link: Link) -> str:
    mark = "" if link.failure is None else f", {link.failure.reason}"
    pending = "" if link.pending is None else ", exchange " + ("live" if link.pending.live else "unresolved")
    return f"{link.key.user_id} v{link.version}{mark}{pending}"
