"""One call for all who want the same thing: by gates, never by time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import traceback
import weakref

import pytest

from extauth import SingleFlight


class Call:
    """A call that waits for its gate, and counts how often it was made."""

    def __init__(self, outcome="value"):
        self.outcome = outcome
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.times = 0

    async def __call__(self):
        self.times += 1
        self.started.set()
        await self.gate.wait()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


async def in_the_air(flights, call, waiters=1, key="k"):
    """Start that many waiters of one flight, which has taken off when this returns."""
    tasks = [asyncio.create_task(flights.do(key, call)) for _ in range(waiters)]
    await call.started.wait()
    await asyncio.sleep(0)
    return tasks


def cancel_before_its_first_step(flights):
    """Cancel a call that has been started and not run yet."""
    flights._flights["k"].task.cancel()


@pytest.fixture
def flights():
    """A group of flights."""
    return SingleFlight()


class TestSharing:
    async def test_one_call_for_all(self, flights):
        """However many ask, the call is made once and all get what it returns."""
        call = Call(object())
        tasks = await in_the_air(flights, call, 100)
        call.gate.set()
        assert await asyncio.gather(*tasks) == [call.outcome] * 100
        assert call.times == 1

    async def test_keys_are_separate(self, flights):
        """Another key is another call, at the same time."""
        a, b = Call("a"), Call("b")
        first, second = await in_the_air(flights, a), await in_the_air(flights, b, key="l")
        a.gate.set()
        b.gate.set()
        assert await asyncio.gather(*first, *second) == ["a", "b"]

    async def test_nothing_is_kept_after_the_landing(self, flights):
        """The next caller makes the call again, also straight from the end of the last."""
        call = Call()
        call.gate.set()

        async def twice():
            return await flights.do("k", call), await flights.do("k", call)

        assert await twice() == ("value", "value")
        assert call.times == 2
        assert flights._flights == {}

    async def test_a_landed_value_is_let_go(self, flights):
        """The group holds no reference to what a call returned."""

        class Value:
            pass

        async def make():
            return Value()

        value = weakref.ref(await flights.do("k", make))
        await asyncio.sleep(0)  # the flight's task ends one step after its waiters are told
        gc.collect()
        assert value() is None


class TestCancellation:
    async def test_of_the_first_caller(self, flights):
        """Who started the call may go; the others get its value."""
        call = Call()
        tasks = await in_the_air(flights, call, 3)
        tasks[0].cancel()
        call.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1:] == ["value", "value"]

    async def test_of_all_callers(self, flights):
        """The call goes on to its end, and who asks meanwhile still joins it."""
        call = Call()
        tasks = await in_the_air(flights, call, 3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not flights._flights["k"].waiters
        late = asyncio.create_task(flights.do("k", call))
        await asyncio.sleep(0)
        call.gate.set()
        assert await late == "value"
        assert call.times == 1

    async def test_of_the_call_itself(self, flights):
        """When the call is cancelled its waiters are told, and the key is free."""
        call = Call()
        tasks = await in_the_air(flights, call, 2)
        flights._flights["k"].task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 2
        assert flights._flights == {}

    async def test_of_the_call_before_its_first_step(self, flights):
        """A call swept before it began leaves nobody waiting for ever."""
        call = Call()
        task = asyncio.create_task(flights.do("k", call))
        asyncio.get_running_loop().call_soon(lambda: cancel_before_its_first_step(flights))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.times == 0
        assert flights._flights == {}


class TestErrors:
    async def test_all_waiters_get_it(self, flights):
        """The call's exception is every waiter's."""
        call = Call(ValueError("no"))
        tasks = await in_the_air(flights, call, 3)
        call.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results == [call.outcome] * 3

    async def test_the_traceback_does_not_grow(self, flights):
        """The last of many waiters sees no more frames than the first, and no other's error as context."""
        call = Call(ValueError("no"))
        lengths = []

        async def wait():
            try:
                raise KeyError
            except KeyError:
                try:
                    await flights.do("k", call)
                except ValueError as error:
                    lengths.append(len(traceback.extract_tb(error.__traceback__)))

        tasks = [asyncio.create_task(wait()) for _ in range(50)]
        await call.started.wait()
        call.gate.set()
        await asyncio.gather(*tasks)
        assert len(set(lengths)) == 1
        assert lengths[0] < 10

    async def test_nobody_is_left_to_hear_it(self, flights):
        """An exception without a waiter is consumed: the loop never complains of it."""
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        call = Call(ValueError("no"))
        tasks = await in_the_air(flights, call)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        call.gate.set()
        await flights.aclose()
        gc.collect()
        assert complaints == []

    async def test_a_started_call_nobody_joins(self, flights):
        """start() waits for nothing, and a failure of its call is consumed."""
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        call = Call(ValueError("no"))
        flights.start("k", call)
        flights.start("k", call)
        call.gate.set()
        await flights.aclose()
        gc.collect()
        assert call.times == 1
        assert complaints == []

    @pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
    def test_an_interrupt_is_for_the_loop(self, interrupt):
        """An interrupt inside the call ends the run, as anywhere else."""

        async def interrupted():
            raise interrupt

        async def main():
            await SingleFlight().do("k", interrupted)

        with pytest.raises(interrupt):
            asyncio.run(main())


class TestWaitingForItself:
    async def test_directly(self, flights):
        """A call that asks for its own key gets an error instead of a deadlock."""

        async def again():
            return await flights.do("k", Call())

        with pytest.raises(RuntimeError, match="itself"):
            await flights.do("k", again)

    async def test_through_a_task_of_its_own(self, flights):
        """The same holds for the tasks that the call starts."""

        async def again():
            return await asyncio.create_task(flights.do("k", Call()))

        with pytest.raises(RuntimeError, match="itself"):
            await flights.do("k", again)

    async def test_through_another_call(self, flights):
        """And for a ring of calls that wait for each other, in one group or several."""
        others = SingleFlight()

        async def first():
            return await others.do("l", second)

        async def second():
            return await flights.do("k", Call())

        with pytest.raises(RuntimeError, match="itself"):
            await flights.do("k", first)

    async def test_waiting_for_others_is_fine(self, flights):
        """A call may wait for other keys, several at once, and again when they have landed."""

        async def leaf():
            await asyncio.sleep(0)
            return 1

        async def root():
            together = await asyncio.gather(*(flights.do(key, leaf) for key in "abc"))
            return sum(together) + await flights.do("a", leaf)

        assert await flights.do("root", root) == 4

    async def test_the_call_survives_the_refusal(self, flights):
        """A call that handles the error goes on."""

        async def stubborn():
            with pytest.raises(RuntimeError):
                await flights.do("k", Call())
            return "done"

        assert await flights.do("k", stubborn) == "done"


class TestContext:
    async def test_no_callers_variables(self, flights):
        """A call made for many sees no one's context variables, and leaves none behind."""
        request = contextvars.ContextVar("request", default="none")
        request.set("alice's")

        async def look():
            seen = request.get()
            request.set("the call's")
            return seen

        assert await flights.do("k", look) == "none"
        assert request.get() == "alice's"

    if sys.version_info >= (3, 12):

        async def test_eager_tasks(self, flights):
            """On a loop that starts tasks eagerly, a call that never waits and one that does both work."""
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

            async def at_once():
                return 1

            async def failing():
                raise ValueError

            assert await flights.do("k", at_once) == 1
            with pytest.raises(ValueError):
                await flights.do("k", failing)
            call = Call()
            asyncio.get_running_loop().call_soon(call.gate.set)
            assert await flights.do("k", call) == "value"
            assert flights._flights == {}

    def test_another_event_loop(self, flights):
        """Use on a second loop is a clear error, not a hang."""

        async def one():
            return 1

        assert asyncio.run(flights.do("k", one)) == 1
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(flights.do("k", one))


class TestClosing:
    async def test_drains(self, flights):
        """Closing waits for the calls under way, which can still be joined, and refuses new ones."""
        call = Call()
        tasks = await in_the_air(flights, call)
        closing = asyncio.create_task(flights.aclose())
        await asyncio.sleep(0)
        assert not closing.done()
        joined = asyncio.create_task(flights.do("k", call))
        with pytest.raises(RuntimeError, match="closed"):
            await flights.do("l", call)
        with pytest.raises(RuntimeError, match="closed"):
            flights.start("l", call)
        call.gate.set()
        await closing
        assert await asyncio.gather(*tasks, joined) == ["value", "value"]

    async def test_cancelled(self, flights):
        """Cancelling the close cancels no call."""
        call = Call()
        tasks = await in_the_air(flights, call)
        closing = asyncio.create_task(flights.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        call.gate.set()
        assert await asyncio.gather(*tasks) == ["value"]

    async def test_twice_and_empty(self, flights):
        """Closing what is closed, or was never used, does nothing."""
        await flights.aclose()
        await flights.aclose()
