"""What waiters of one flight never do to each other, and a flight never does to the loop or the memory."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth import SingleFlight


class Value:
    """Something that a weak reference can be made to."""


class Failure(Exception):
    """An error that a weak reference can be made to."""


class Call:
    """A call that the test lets land."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.times = 0

    async def __call__(self) -> Any:
        self.times += 1
        self.started.set()
        return await self.end


async def until(condition: Callable[[], bool]) -> None:
    """Give way to the others until it is so."""
    while not condition():
        await asyncio.sleep(0)


async def waiting(flights: SingleFlight[Any, Any], call: Call, many: int = 1) -> list[asyncio.Task[Any]]:
    """Start that many waiters for the key ``k``, and return when all of them wait."""
    tasks = [asyncio.create_task(flights.do("k", call)) for _ in range(many)]
    await until(lambda: "k" in flights._flights and len(flights._flights["k"].waiters) == many)
    await call.started.wait()
    return tasks


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Only reference counts free anything in here."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.fixture
def flights() -> SingleFlight[Any, Any]:
    """A group of flights."""
    return SingleFlight()


@pytest.fixture
async def complaints() -> list[dict[str, Any]]:
    """What the loop's exception handler was told."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    return told


class TestSharing:
    async def test_one_call_for_all(self, flights):
        """However many ask, the call is made once and everyone gets what it returned."""
        call, value = Call(), Value()
        tasks = await waiting(flights, call, 100)
        call.end.set_result(value)
        assert await asyncio.gather(*tasks) == [value] * 100
        assert call.times == 1

    async def test_keys_are_separate(self, flights):
        """Another key is another call, at the same time, and ends by itself."""
        a, b = Call(), Call()
        first = asyncio.create_task(flights.do("a", a))
        second = asyncio.create_task(flights.do("b", b))
        await a.started.wait()
        await b.started.wait()
        b.end.set_result("b")
        assert await second == "b"
        assert not first.done()
        a.end.set_result("a")
        assert await first == "a"

    async def test_groups_are_separate(self, flights):
        """The same key in another group is another call."""
        a, b = Call(), Call()
        tasks = await waiting(flights, a) + await waiting(SingleFlight(), b)
        a.end.set_result("a")
        b.end.set_result("b")
        assert await asyncio.gather(*tasks) == ["a", "b"]

    async def test_started_without_waiting(self, flights):
        """``start`` begins a call that others join, and does nothing while one is under way."""
        call = Call()
        flights.start("k", call)
        flights.start("k", call)
        await call.started.wait()
        task = asyncio.create_task(flights.do("k", call))
        await until(lambda: bool(flights._flights["k"].waiters))
        flights.start("k", call)
        call.end.set_result("value")
        assert await task == "value"
        assert call.times == 1

    async def test_nothing_is_remembered(self, flights):
        """After the landing the next caller makes the call anew, whether it returned or raised."""
        for _ in range(2):
            for error in (None, Failure()):
                call = Call()
                tasks = await waiting(flights, call)
                if error is None:
                    call.end.set_result(None)
                else:
                    call.end.set_exception(error)
                assert await asyncio.gather(*tasks, return_exceptions=True) == [error]
                assert call.times == 1
                assert flights._flights == {}


class TestCancellation:
    async def test_of_the_first_caller(self, flights):
        """Who started the call may go; the others get its value."""
        call = Call()
        tasks = await waiting(flights, call, 3)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        assert tasks[0].cancelled()
        call.end.set_result("value")
        assert await asyncio.gather(*tasks[1:]) == ["value", "value"]

    async def test_of_all_callers(self, flights):
        """The call goes on to its end, and who asks before that joins it."""
        call = Call()
        tasks = await waiting(flights, call, 3)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert not flights._flights["k"].waiters
        late = asyncio.create_task(flights.do("k", call))
        await until(lambda: bool(flights._flights["k"].waiters))
        call.end.set_result("value")
        assert await late == "value"
        assert call.times == 1

    async def test_of_a_caller_in_the_step_in_which_the_call_lands(self, flights):
        """A waiter that is gone but has not run yet is passed over; the others are told."""
        call = Call()
        tasks = await waiting(flights, call, 3)
        call.end.set_result("value")
        tasks[0].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1:] == ["value", "value"]

    async def test_of_the_call(self, flights):
        """When someone cancels the call itself its waiters are told, and the key is free."""
        call = Call()
        tasks = await waiting(flights, call, 2)
        flights._flights["k"].task.cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, True]
        assert flights._flights == {}

    async def test_of_the_call_before_its_first_step(self, flights):
        """A call that is swept before it began leaves nobody waiting, and was never made."""
        call = Call()
        flights.start("k", call)
        flights._flights["k"].task.cancel()
        task = asyncio.create_task(flights.do("k", call))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.times == 0
        assert flights._flights == {}


class TestClosing:
    async def test_it_drains(self, flights):
        """Calls under way end, and can be joined until then; new ones are refused."""
        call = Call()
        tasks = await waiting(flights, call)
        closing = [asyncio.create_task(flights.aclose()) for _ in range(2)]
        await until(lambda: flights._closed)
        joined = asyncio.create_task(flights.do("k", call))
        await until(lambda: len(flights._flights["k"].waiters) == 2)
        with pytest.raises(RuntimeError, match="closed"):
            await flights.do("other", call)
        with pytest.raises(RuntimeError, match="closed"):
            flights.start("other", call)
        assert not any(task.done() for task in closing)
        call.end.set_result("value")
        await asyncio.gather(*closing)
        assert flights._flights == {}
        assert await asyncio.gather(*tasks, joined) == ["value", "value"]
        with pytest.raises(RuntimeError, match="closed"):
            await flights.do("k", call)

    async def test_cancelling_it_cancels_no_call(self, flights):
        """The wait ends, the calls go on, and the group stays closed."""
        call = Call()
        tasks = await waiting(flights, call)
        closing = asyncio.create_task(flights.aclose())
        await until(lambda: flights._closed)
        closing.cancel()
        await asyncio.wait({closing})
        assert closing.cancelled()
        with pytest.raises(RuntimeError, match="closed"):
            flights.start("other", call)
        call.end.set_result("value")
        assert await asyncio.gather(*tasks) == ["value"]

    async def test_what_fails_meanwhile_is_its_waiters(self, flights):
        """Closing raises nothing that a call raises."""
        call = Call()
        tasks = await waiting(flights, call)
        closing = asyncio.create_task(flights.aclose())
        await until(lambda: flights._closed)
        call.end.set_exception(Failure())
        await closing
        with pytest.raises(Failure):
            await tasks[0]

    async def test_an_idle_group(self, flights):
        """Closing what was never used, or is closed, does nothing."""
        await flights.aclose()
        await flights.aclose()


class TestLanding:
    async def test_the_entry_is_gone_before_any_waiter_runs(self, flights):
        """A waiter that asks again at once makes a new call instead of joining the one that has landed."""
        first, second = Call(), Call()
        second.end.set_result("second")

        async def twice():
            landed = await flights.do("k", first)
            entered = flights._flights.get("k") is flight
            return landed, entered, await flights.do("k", second)

        tasks = [asyncio.create_task(twice()) for _ in range(3)]
        await first.started.wait()
        flight = flights._flights["k"]
        first.end.set_result("first")
        assert await asyncio.gather(*tasks) == [("first", False, "second")] * 3
        assert (first.times, second.times) == (1, 1)

    async def test_waiters_go_on_in_the_order_they_came(self, flights):
        """The same schedule gives the same order of everything, so that a run can be replayed."""
        call, order = Call(), []

        async def wait(number):
            await flights.do("k", call)
            order.append(number)

        tasks = [asyncio.create_task(wait(number)) for number in range(50)]
        await until(lambda: "k" in flights._flights and len(flights._flights["k"].waiters) == 50)
        call.end.set_result(None)
        await asyncio.gather(*tasks)
        assert order == list(range(50))

    async def test_none_is_a_value(self, flights):
        """A call may return nothing."""

        async def nothing():
            return None

        assert await flights.do("k", nothing) is None

    async def test_a_call_that_fails_before_it_can_be_awaited(self, flights):
        """A function that raises instead of returning an awaitable is a failing call, not a hanging one."""

        def broken() -> Awaitable[None]:
            raise Failure

        for fn, error in ((broken, Failure), (lambda: 5, TypeError)):
            with pytest.raises(error):
                await flights.do("k", fn)
        assert flights._flights == {}

    async def test_a_waiter_cancelled_as_the_flight_lands(self, flights):
        """Its cancellation wins for itself, and nobody else notices."""
        call = Call()
        tasks = await waiting(flights, call, 3)
        flight = flights._flights["k"]
        call.end.set_result("value")
        await until(lambda: flight.landed)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [results[0], results[2]] == ["value", "value"]
        assert isinstance(results[1], asyncio.CancelledError)

    async def test_a_cancelled_waiter_leaves_nothing_behind(self, flights):
        """Neither in the flight that goes on without it, nor in the flight that it was part of."""
        inner, outer_waits = Call(), asyncio.Event()

        async def outer():
            waiter = asyncio.create_task(flights.do("k", inner))
            await inner.started.wait()
            waiter.cancel()
            await asyncio.wait({waiter})
            outer_waits.set()
            return await release.wait()

        release = asyncio.Event()
        task = asyncio.create_task(flights.do("outer", outer))
        await outer_waits.wait()
        assert not flights._flights["k"].waiters
        assert flights._flights["outer"].waits_for == []
        release.set()
        inner.end.set_result(None)
        await task


class TestSharedErrors:
    async def test_all_waiters_get_it(self, flights):
        """The call's exception is every waiter's, one and the same."""
        call, error = Call(), Failure()
        tasks = await waiting(flights, call, 3)
        call.end.set_exception(error)
        assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 3

    async def test_its_traceback_does_not_grow(self, flights):
        """The last of many waiters sees as many frames as the first, the call's own among them."""
        call, frames = Call(), []

        async def wait():
            with pytest.raises(Failure) as caught:
                await flights.do("k", call)
            frames.append([entry.name for entry in caught.traceback])

        tasks = [asyncio.create_task(wait()) for _ in range(20)]
        await call.started.wait()
        call.end.set_exception(Failure())
        await asyncio.gather(*tasks)
        assert frames == [frames[0]] * 20
        assert frames[0][-1] == "__call__"

    @pytest.mark.parametrize("asked_by", ["do", "start"])
    async def test_nobody_is_left_to_hear_it(self, flights, complaints, asked_by):
        """An exception without a waiter is consumed: the loop never complains of it."""
        call = Call()
        if asked_by == "do":
            tasks = await waiting(flights, call)
            tasks.pop().cancel()
            await until(lambda: not flights._flights["k"].waiters)
        else:
            flights.start("k", call)
            await call.started.wait()
        call.end.set_exception(Failure())
        await flights.aclose()
        del call
        gc.collect()
        assert complaints == []

    async def test_a_waiters_own_error_is_not_chained_to_the_others(self, flights):
        """One that is handling something of its own would show it to everybody else, and keep it alive."""
        call, seen = Call(), []

        async def in_trouble(number):
            try:
                raise KeyError(number)
            except KeyError:
                try:
                    await flights.do("k", call)
                except Failure as error:
                    seen.append((error.__context__, error.__cause__))

        tasks = [asyncio.create_task(in_trouble(number)) for number in range(3)]
        await call.started.wait()
        call.end.set_exception(Failure())
        await asyncio.gather(*tasks)
        assert seen == [(None, None)] * 3

    async def test_the_calls_own_context_stays(self, flights):
        """What the call was handling when it failed is part of its error."""

        async def in_trouble():
            try:
                raise KeyError
            except KeyError:
                raise Failure  # noqa: B904 - an implicit chain is the point

        async def wait():
            try:
                raise IndexError
            except IndexError:
                with pytest.raises(Failure) as caught:
                    await flights.do("k", in_trouble)
            return type(caught.value.__context__)

        assert await asyncio.gather(wait(), wait()) == [KeyError, KeyError]

    async def test_an_error_is_let_go(self, flights):
        """When the last waiter has handled it, no reference cycle keeps it, its frames and their values."""
        call = Call()
        values = []

        async def failing():
            value = Value()
            values.append(weakref.ref(value))
            await call()
            return value

        async def wait():
            try:
                await flights.do("k", failing)
            except Failure as error:
                return weakref.ref(error)

        with no_garbage_collection():
            tasks = [asyncio.create_task(wait()) for _ in range(3)]
            await call.started.wait()
            call.end.set_exception(Failure())
            errors = await asyncio.gather(*tasks)
            del call.end  # it has the error too
            await asyncio.sleep(0)
            assert [reference() for reference in errors + values] == [None] * 4

    async def test_an_error_that_passes_through_several_flights_is_let_go(self, flights):
        """A call that waits for another hands its error on."""

        async def failing():
            raise Failure

        async def outer():
            return await flights.do("inner", failing)

        async def wait():
            try:
                await flights.do("outer", outer)
            except Failure as error:
                return weakref.ref(error)

        with no_garbage_collection():
            reference = await wait()
            await asyncio.sleep(0)
            assert reference() is None

    async def test_a_value_is_let_go(self, flights):
        """When the last waiter has dropped it, neither the flight nor its task keeps it."""

        async def make():
            return Value()

        with no_garbage_collection():
            reference = weakref.ref(await flights.do("k", make))
            await asyncio.sleep(0)
            assert reference() is None


class TestTheLoop:
    async def test_a_loop_that_makes_no_task(self, flights):
        """A task factory that fails is its first caller's error, and no trap for the next one."""
        loop = asyncio.get_running_loop()

        def failing_factory(*args: object, **kwargs: object) -> Any:
            raise Failure

        async def one():
            return 1

        loop.set_task_factory(failing_factory)
        with pytest.raises(Failure):
            await flights.do("k", one)
        with pytest.raises(Failure):
            flights.start("k", one)
        loop.set_task_factory(None)
        assert flights._flights == {}
        assert await flights.do("k", one) == 1

    async def test_a_factory_of_two_arguments(self, flights):
        """What it makes has the flight's own context all the same, and none of the caller's variables."""
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody's")
        made: list[asyncio.Task[Any]] = []

        def two(loop: asyncio.AbstractEventLoop, coro: Any) -> asyncio.Task[Any]:
            made.append(asyncio.Task(coro, loop=loop))
            return made[-1]

        async def look():
            with pytest.raises(RuntimeError, match="itself"):
                await flights.do("k", look)
            return variable.get()

        variable.set("the caller's")
        loop = asyncio.get_running_loop()
        loop.set_task_factory(two)
        try:
            assert await flights.do("k", look) == "nobody's"
        finally:
            loop.set_task_factory(None)
        assert len(made) == 1

    async def test_a_failing_call_is_no_complaint(self, flights, complaints):
        """The loop hears of no error that waiters were told."""
        call = Call()
        tasks = await waiting(flights, call, 2)
        call.end.set_exception(Failure())
        await asyncio.wait(tasks)
        assert [type(task.exception()) for task in tasks] == [Failure, Failure]
        del tasks
        gc.collect()
        assert complaints == []

    @pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
    def test_an_interrupt_ends_the_run_once(self, interrupt):
        """It goes to the loop like any task's; the waiters are told, and no one complains of it later."""
        loop = asyncio.new_event_loop()
        complaints: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        flights: SingleFlight[str, None] = SingleFlight()

        async def interrupted():
            raise interrupt

        async def wait():
            try:
                await flights.do("k", interrupted)
            except BaseException as error:  # noqa: BLE001 - whatever it is
                return type(error)

        waiters = [loop.create_task(wait()) for _ in range(2)]
        with pytest.raises(interrupt):
            loop.run_until_complete(asyncio.wait(waiters))
        assert flights._flights == {}
        assert loop.run_until_complete(asyncio.gather(*waiters)) == [interrupt, interrupt]
        loop.close()
        gc.collect()
        assert complaints == []

    def test_the_sweep_at_the_end_of_a_run(self):
        """``asyncio.run`` cancels a call under way like any other task, and nobody hangs."""
        ends = []
        flights: SingleFlight[str, None] = SingleFlight()

        async def endless():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ends.append("call")

        async def wait():
            try:
                await flights.do("k", endless)
            finally:
                ends.append("waiter")

        async def main():
            waiter = asyncio.create_task(wait())
            await until(lambda: "k" in flights._flights)
            assert not waiter.done()

        asyncio.run(main())
        assert sorted(ends) == ["call", "waiter"]
        assert flights._flights == {}

    async def test_a_loop_that_runs_calls_at_once(self, flights):
        """A call that has landed before its task is known is no different."""
        stand_ins: list[asyncio.Task[None]] = []

        def at_once(loop: asyncio.AbstractEventLoop, coro: Any) -> asyncio.Task[None]:
            with pytest.raises(StopIteration):
                coro.send(None)
            stand_ins.append(asyncio.Task(asyncio.sleep(0), loop=loop))
            return stand_ins[-1]

        async def one():
            return 1

        async def failing():
            raise Failure

        async def interrupted():
            raise KeyboardInterrupt

        loop = asyncio.get_running_loop()
        loop.set_task_factory(at_once)
        try:
            assert await flights.do("k", one) == 1
            with pytest.raises(Failure):
                await flights.do("k", failing)
            with pytest.raises(KeyboardInterrupt):
                await flights.do("k", interrupted)
        finally:
            loop.set_task_factory(None)
        assert flights._flights == {}
        await asyncio.wait(stand_ins)

    async def test_only_its_own_entry_is_removed(self, flights):
        """A flight that lands leaves alone what else is entered for its key."""
        call, other = Call(), Call()
        tasks = await waiting(flights, call)
        del flights._flights["k"]
        tasks += await waiting(flights, other)
        call.end.set_result("first")
        assert await tasks[0] == "first"
        assert "k" in flights._flights
        other.end.set_result("second")
        assert await tasks[1] == "second"

    def test_another_event_loop(self, flights):
        """Use on a second loop is a clear error, not a hang."""

        async def one():
            return 1

        async def start():
            flights.start("k", one)

        assert asyncio.run(flights.do("k", one)) == 1
        for use in (flights.do("k", one), start()):
            with pytest.raises(RuntimeError, match="another event loop"):
                asyncio.run(use)

    def test_closing_on_another_loop(self):
        """While calls are under way it is a clear error; a group that is idle closes anywhere."""
        home = asyncio.new_event_loop()
        flights: SingleFlight[str, None] = SingleFlight()
        end = home.create_future()

        async def start():
            flights.start("k", lambda: end)
            await asyncio.sleep(0)

        home.run_until_complete(start())
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(flights.aclose())
        end.set_result(None)
        home.run_until_complete(flights.aclose())
        asyncio.run(flights.aclose())
        home.close()


class TestWaitingForItself:
    async def test_directly(self, flights):
        """A call that asks for its own key is told so instead of hanging, and goes on if it handles that."""

        async def again():
            with pytest.raises(RuntimeError, match="itself"):
                await flights.do("k", again)
            return "landed"

        assert await flights.do("k", again) == "landed"

    async def test_unhandled_it_is_the_calls_error(self, flights):
        """Every waiter of the call sees it."""

        async def again():
            return await flights.do("k", again)

        tasks = [asyncio.create_task(flights.do("k", again)) for _ in range(2)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [RuntimeError, RuntimeError]

    async def test_through_a_task_of_its_own(self, flights):
        """The same holds for the tasks that the call starts."""

        async def again():
            child = asyncio.create_task(flights.do("k", again))
            with pytest.raises(RuntimeError, match="itself"):
                await child
            return "landed"

        assert await flights.do("k", again) == "landed"

    async def test_through_another_group(self, flights):
        """And for calls of different groups that wait for each other."""
        others: SingleFlight[str, str] = SingleFlight()

        async def first():
            return await others.do("l", second)

        async def second():
            with pytest.raises(RuntimeError, match="itself"):
                await flights.do("k", first)
            return "landed"

        assert await flights.do("k", first) == "landed"

    async def test_waiting_for_others_is_fine(self, flights):
        """A call may wait for other keys, several at once, and again when they have landed."""

        async def leaf():
            await asyncio.sleep(0)
            return 1

        async def root():
            together = await asyncio.gather(*(flights.do(key, leaf) for key in "aabc"))
            return sum(together) + await flights.do("a", leaf)

        assert await flights.do("root", root) == 5

    async def test_closing_from_inside_a_call(self, flights):
        """Draining would wait for the very call that drains: refused, and the group stays open."""

        async def closing():
            with pytest.raises(RuntimeError, match="itself"):
                await flights.aclose()
            return "landed"

        assert await flights.do("k", closing) == "landed"
        assert await flights.do("k", closing) == "landed"

    async def test_a_call_may_start_another_of_its_own_group(self, flights):
        """``start`` waits for nothing, so that even its own key is no deadlock."""
        call = Call()

        async def starting():
            flights.start("k", starting)
            flights.start("other", call)
            return "landed"

        assert await flights.do("k", starting) == "landed"
        call.end.set_result(None)
        await flights.aclose()

    async def test_what_a_call_left_behind_may_ask_again(self, flights):
        """A task that outlives the call that started it is a caller like any other."""
        gate = asyncio.Event()
        left: list[asyncio.Task[str]] = []

        async def later():
            await gate.wait()
            return await flights.do("k", landed)

        async def leaving():
            left.append(asyncio.create_task(later()))

        async def landed():
            return "second"

        await flights.do("k", leaving)
        gate.set()
        assert await left[0] == "second"

    async def test_a_long_way_round(self, flights):
        """A ring of five is found where it closes, and every call of it can handle the error."""
        refused = []

        def link(number: int) -> Callable[[], Awaitable[int]]:
            async def call() -> int:
                following = (number + 1) % 5
                try:
                    return 1 + int(await flights.do(following, link(following)))
                except RuntimeError:
                    refused.append(number)
                    return 0

            return call

        assert await flights.do(0, link(0)) == 4
        assert refused == [4]

    async def test_two_calls_that_ask_for_each_other_at_once(self, flights):
        """Whichever asks last is refused; neither hangs."""
        both = asyncio.Barrier(2)

        def asks_for(other: str) -> Callable[[], Awaitable[str]]:
            async def call() -> str:
                await both.wait()
                try:
                    return str(await flights.do(other, Call()))
                except RuntimeError:
                    return "refused"

            return call

        results = await asyncio.gather(flights.do("a", asks_for("b")), flights.do("b", asks_for("a")))
        assert results == ["refused", "refused"]  # the second is refused, and the first gets its result


class TestContext:
    async def test_what_a_call_sets_stays_in_it(self, flights):
        """Each call begins with an empty context, whoever starts it and whatever ran before."""
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

        async def look():
            seen = variable.get("empty")
            variable.set("set")
            return seen

        async def nested():
            variable.set("outer's")
            return await flights.do("inner", look), variable.get()

        variable.set("caller's")
        assert await flights.do("k", look) == "empty"
        assert await flights.do("k", look) == "empty"
        assert await flights.do("k", nested) == ("empty", "outer's")
        assert variable.get() == "caller's"


if sys.version_info >= (3, 12):

    class TestEagerTasks:
        """On a loop whose tasks take their first step at once, inside ``do``."""

        @pytest.fixture(autouse=True)
        async def _eager(self):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        async def test_a_call_that_asks_for_itself(self, flights):
            """It is refused before its task is even known."""

            async def again():
                with pytest.raises(RuntimeError, match="itself"):
                    await flights.do("k", again)
                return "landed"

            assert await flights.do("k", again) == "landed"
            assert flights._flights == {}

        async def test_calls_that_ask_for_each_other(self, flights):
            """One of the two is refused, and both land."""

            async def first():
                return await flights.do("second", second)

            async def second():
                return await flights.do("first", first)

            with pytest.raises(RuntimeError, match="itself"):
                await flights.do("first", first)
            await flights.aclose()
            assert flights._flights == {}

        async def test_waiters_share_a_call_that_waits(self, flights):
            """After its first step the call is like any other."""
            call = Call()
            tasks = await waiting(flights, call, 3)
            tasks[0].cancel()
            call.end.set_result("value")
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert results[1:] == ["value", "value"]
            assert call.times == 1

        async def test_a_call_that_is_cancelled_at_once(self, flights):
            """Its only caller is told."""

            async def cancelled():
                raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                await flights.do("k", cancelled)
            assert flights._flights == {}

        async def test_an_interrupt_at_once(self, flights):
            """It goes straight to the caller, and the key is free."""
            # The loop itself complains of such a task, which nobody ever gets to see.
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)

            async def interrupted():
                raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                await flights.do("k", interrupted)
            with pytest.raises(KeyboardInterrupt):
                flights.start("k", interrupted)
            assert flights._flights == {}
            gc.collect()

        async def test_a_value_is_let_go(self, flights):
            """Also one that was there at once."""

            async def make():
                return Value()

            with no_garbage_collection():
                reference = weakref.ref(await flights.do("k", make))
                await asyncio.sleep(0)
                assert reference() is None


class Schedules(RuleBasedStateMachine):
    """Any order of asking, cancelling, landing and closing, against a model made of lists.

    The loop stands still between the rules; each rule acts, then runs it until nothing is ready.
    """

    keys = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self.flights: SingleFlight[str, int] = SingleFlight()
        self.ends: dict[str, asyncio.Future[int]] = {}
        """The calls under way, each with what will end it."""
        self.waiting: dict[str, list[asyncio.Task[int]]] = {"a": [], "b": []}
        """Who is expected to wait for which call."""
        self.made = 0
        self.expected_calls = 0
        self.closing: list[asyncio.Task[None]] = []
        self.tasks: list[asyncio.Task[int]] = []

    def settle(self) -> None:
        """Run everything that can run without another rule."""
        self.loop.run_until_complete(self.quiet())

    @staticmethod
    async def quiet() -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    def call(self, key: str) -> Callable[[], Awaitable[int]]:
        async def made() -> int:
            self.made += 1
            self.ends[key] = self.loop.create_future()
            return await self.ends[key]

        return made

    @rule(key=keys, cancel_at_once=st.booleans())
    def ask(self, key: str, cancel_at_once: bool) -> None:
        """Someone asks, and maybe goes away before anything has happened."""
        under_way = key in self.ends
        task = self.loop.create_task(self.flights.do(key, self.call(key)))
        self.tasks.append(task)
        if cancel_at_once:
            self.loop.call_soon(task.cancel)
        self.settle()
        if self.closing and not under_way:
            assert isinstance(task.exception(), RuntimeError)
            return
        self.expected_calls += not under_way
        if cancel_at_once:
            assert task.cancelled()
        else:
            self.waiting[key].append(task)

    @rule(key=keys)
    def start(self, key: str) -> None:
        """Someone starts the call without waiting."""

        async def begin() -> None:
            self.flights.start(key, self.call(key))

        under_way = key in self.ends
        if self.closing and not under_way:
            with pytest.raises(RuntimeError, match="closed"):
                self.loop.run_until_complete(begin())
            return
        self.loop.run_until_complete(begin())
        self.settle()
        self.expected_calls += not under_way

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """A waiter is cancelled; it alone."""
        key = data.draw(st.sampled_from([key for key, tasks in self.waiting.items() if tasks]))
        place = data.draw(st.integers(0, len(self.waiting[key]) - 1))
        task = self.waiting[key].pop(place)
        task.cancel()
        self.settle()
        assert task.cancelled()

    @precondition(lambda self: self.ends)
    @rule(data=st.data(), how=st.sampled_from(["value", "error", "cancelled"]))
    def land(self, data: st.DataObject, how: str) -> None:
        """A call ends, and so do exactly its waiters, all alike."""
        key = data.draw(st.sampled_from(sorted(self.ends)))
        end, waiters = self.ends.pop(key), self.waiting[key]
        self.waiting[key] = []
        outcome = (how, self.made)
        if how == "value":
            end.set_result(self.made)
        elif how == "error":
            end.set_exception(Failure(self.made))
        else:
            end.cancel()
        self.settle()
        for waiter in waiters:
            assert waiter.done()
            if how == "cancelled":
                assert waiter.cancelled()
            elif how == "error":
                error = waiter.exception()
                assert (type(error), error.args) == (Failure, outcome[1:])  # type: ignore[union-attr]
            else:
                assert waiter.result() == outcome[1]

    @rule(cancel=st.booleans())
    def close(self, cancel: bool) -> None:
        """The group is closed, and whoever closes may be cancelled."""
        task = self.loop.create_task(self.flights.aclose())
        self.closing.append(task)
        self.settle()
        if cancel and not task.done():
            task.cancel()
            self.settle()
            assert task.cancelled()

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        """Calls made, calls under way and waiters are those expected; closing lasts as long as calls do."""
        assert self.made == self.expected_calls
        assert set(self.flights._flights) == set(self.ends)
        for key, waiters in self.waiting.items():
            assert not any(waiter.done() for waiter in waiters)
            flight = self.flights._flights.get(key)
            assert len(waiters) == (0 if flight is None else len(flight.waiters))
        assert all(closing.done() for closing in self.closing) or self.ends
        assert self.complaints == []

    def teardown(self) -> None:
        """End everything, and see that nothing was left over."""
        for key in sorted(self.ends):
            self.ends.pop(key).set_result(0)
        self.settle()
        self.loop.run_until_complete(self.flights.aclose())
        self.settle()
        for task in self.tasks:
            assert task.done()
            if not task.cancelled():
                task.exception()
        assert asyncio.all_tasks(self.loop) == set()
        self.loop.close()
        assert self.complaints == []


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
