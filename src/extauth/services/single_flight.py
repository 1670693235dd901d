"""One call for all who want the same thing at the same moment.

Prior art: golang.org/x/sync/singleflight, whose call runs in the goroutine of the first caller, and the
asyncio idiom ``await shield(task)``. In asyncio a caller can be cancelled at any ``await``, so the call
must belong to nobody who waits for it: a flight is a task of the group's own.

How it works. The first caller of a key starts a flight and becomes a waiter like all others. Each waiter
has a future of its own that the flight completes when it lands, so that cancelling one waiter touches no
other. (``asyncio.shield`` would do the same for a task per waiter; a plain future costs half of it.) The
future only wakes the waiter up; the result or the exception stays with the flight. Therefore an exception
that nobody waits for any more is consumed, and one shared by thousands of waiters is raised each time with
the traceback that it landed with, instead of one that grows with every waiter.

What cooperative scheduling lets it drop: there are no locks, because nothing awaits between looking into
the map of flights and changing it.

What it leaves out on purpose: no cache, no time to live, no retry. When the flight has landed, the next
caller starts another one.

A flight runs in an empty :class:`contextvars.Context`, so that no request's variables (its user, its trace)
leak into a call made for many. The only thing in it is the flight itself, by which a call that would wait
for itself, directly or through other flights, is found and refused instead of hanging for ever.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Any, Generic, TypeVar, final

from extauth.one_loop import OneLoop

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Flight(Generic[V]):
    """One call under way."""

    __slots__ = ("context", "error", "landed", "task", "traceback", "value", "waiters", "waits_for")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        """The strong reference that keeps it running. Set by the group right after the start, and unset when
        it has ended, because it refers to the flight too, through its context."""
        self.waiters: dict[asyncio.Future[None], None] = {}
        """In the order in which they came. Waiters add their own and, if cancelled, remove it; the flight
        completes those left when it lands."""
        self.landed = False
        """Set once by the flight, in the same step as the outcome below."""
        self.value: V | None = None
        self.error: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.context: BaseException | None = None
        """Both as they were when the flight landed, before any waiter raised the error."""
        self.waits_for: list[_Flight[Any]] = []
        """Other flights that this one's code waits for; each wait appends and removes its own."""

    def land(self, value: V | None, error: BaseException | None) -> None:
        self.landed = True
        self.value = value
        self.error = error
        if error is not None:
            self.traceback = error.__traceback__
            self.context = error.__context__
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()

    def outcome(self) -> V:
        error = self.error
        if error is None:
            return self.value  # type: ignore[return-value]  # landed without error: it is a V
        try:
            raise error.with_traceback(self.traceback)
        finally:
            # A waiter that is handling an error of its own must not chain it to everybody's.
            error.__context__ = self.context
            # Else the error would be kept alive by its own traceback, through this frame.
            del self, error


_aboard: contextvars.ContextVar[_Flight[Any] | None] = contextvars.ContextVar("aboard", default=None)
"""The flight whose code is running, in its task and in the tasks that it starts."""


@final
class SingleFlight(Generic[K, V]):
    """Runs at most one call per key at a time; everybody who asks meanwhile gets its outcome.

    It serves one event loop, the one it is first used on. ``K`` should be an identity, never a secret.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}
        """Added by :meth:`_launch`; removed by the flight as it lands."""
        self._home = OneLoop("SingleFlight")
        self._closed = False
        """Set once by :meth:`aclose`."""

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._flights

    async def do(self, key: K, fn: Callable[[], Awaitable[V]]) -> V:
        """Return what ``fn`` returns, or join the call for this key that is under way.

        Raises what the call raises. Cancelling the caller cancels neither the call, which runs to its
        end, nor any other waiter. If the call is cancelled, waiters see :class:`asyncio.CancelledError`.

        :raises RuntimeError: on another event loop, after :meth:`aclose`, or if the wait could never
            end because the call for this key waits, directly or not, for this very caller.
        """
        flight = self._flight(key, fn)
        aboard = None
        try:
            if not flight.landed:
                aboard = _aboard.get()
                if aboard is not None:
                    _refuse_waiting_for_itself(aboard, flight)
                    aboard.waits_for.append(flight)
                waiter = asyncio.get_running_loop().create_future()
                flight.waiters[waiter] = None
                try:
                    await waiter
                except BaseException:
                    flight.waiters.pop(waiter, None)
                    raise
                finally:
                    if aboard is not None:
                        aboard.waits_for.remove(flight)
            return flight.outcome()
        finally:
            # Else a landed error would be kept alive by its own traceback, through this frame.
            del flight, aboard

    def start(self, key: K, fn: Callable[[], Awaitable[V]]) -> None:
        """Start the call without waiting for it, unless one for this key is under way.

        Its exception, if nobody joins, is consumed.

        :raises RuntimeError: on another event loop or after :meth:`aclose`.
        """
        self._flight(key, fn)

    async def aclose(self) -> None:
        """Refuse new calls and wait until those under way have ended.

        Safe to call twice. Cancelling it ends the wait, not the calls; new ones stay refused.

        :raises RuntimeError: on another event loop while calls are under way, or in one of the calls itself.
        """
        tasks = {flight.task for flight in self._flights.values() if flight.task is not None}
        if tasks:
            self._home.check()
            if asyncio.current_task() in tasks:
                msg = "a call must not wait for itself: close the SingleFlight from outside its calls"
                raise RuntimeError(msg)
        self._closed = True
        if tasks:
            await asyncio.wait(tasks)

    def _flight(self, key: K, fn: Callable[[], Awaitable[V]]) -> _Flight[V]:
        loop = self._home.check()
        flight = self._flights.get(key)
        if flight is None:
            if self._closed:
                msg = "this SingleFlight is closed"
                raise RuntimeError(msg)
            flight = self._launch(loop, key, fn)
        return flight

    def _launch(self, loop: asyncio.AbstractEventLoop, key: K, fn: Callable[[], Awaitable[V]]) -> _Flight[V]:
        flight: _Flight[V] = _Flight()
        self._flights[key] = flight
        context = contextvars.Context()
        context.run(_aboard.set, flight)
        flying = self._fly(key, flight, fn)
        try:
            # A loop with an eager task factory may run the whole call in here. The context is not given as an
            # argument, which a factory need not take: the task has a copy of the one that it is made in.
            flight.task = context.run(loop.create_task, flying)
        except BaseException as error:
            # The loop made no task of it, or an interrupt ended the call at once.
            flying.close()
            if not flight.landed:
                self._land(key, flight, None, error)
            raise
        flight.task.add_done_callback(lambda task: self._ended(key, flight, task))
        return flight

    async def _fly(self, key: K, flight: _Flight[V], fn: Callable[[], Awaitable[V]]) -> None:
        try:
            value = await fn()
        except Exception as error:  # noqa: BLE001 - it is the waiters' to handle
            self._land(key, flight, None, error)
        except BaseException as error:
            # Cancellation and interrupts are for the waiters and for the loop.
            self._land(key, flight, None, error)
            raise
        else:
            self._land(key, flight, value, None)
        finally:
            # Else a landed error would be kept alive by its own traceback, through this frame.
            del flight

    def _land(self, key: K, flight: _Flight[V], value: V | None, error: BaseException | None) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        flight.land(value, error)

    def _ended(self, key: K, flight: _Flight[V], task: asyncio.Task[None]) -> None:
        flight.task = None
        if not task.cancelled():
            task.exception()  # consume an interrupt, which has ended the loop's run already
        if not flight.landed:  # cancelled before its first step
            self._land(key, flight, None, asyncio.CancelledError())


def _refuse_waiting_for_itself(aboard: _Flight[Any], wanted: _Flight[Any]) -> None:
    waited_for = [wanted]
    while waited_for:
        flight = waited_for.pop()
        if flight is aboard:
            msg = "a call must not wait for itself: the call for this key waits for this very caller"
            raise RuntimeError(msg)
        waited_for.extend(flight.waits_for)
