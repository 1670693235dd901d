"""A task that nobody's end interrupts: what its waiter is told, and what survives the end of a run."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from extauth import unswept
from extauth.services.uninterrupted import defer_cancellation, start_protected

ROOT = Path(__file__).parents[2]


class Ended(Exception):
    """How a task ends that fails."""


async def gated(gate: asyncio.Event, outcome: object = None) -> object:
    """Wait for the gate, then return or raise the outcome."""
    await gate.wait()
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def test_it_returns_and_raises_what_the_task_does():
    """Uncancelled, it is like awaiting the task."""
    gate = asyncio.Event()
    asyncio.get_running_loop().call_soon(gate.set)
    assert await defer_cancellation(start_protected(gated(gate, "value"))) == "value"
    gate.clear()
    asyncio.get_running_loop().call_soon(gate.set)
    with pytest.raises(Ended):
        await defer_cancellation(start_protected(gated(gate, Ended())))


async def test_a_cancelled_task_is_so_for_its_waiter():
    """Whether or not the waiter was cancelled too."""
    for waiter_too in (False, True):
        task = start_protected(gated(asyncio.Event()))
        waiter = asyncio.create_task(defer_cancellation(task))
        await asyncio.sleep(0)
        if waiter_too:
            waiter.cancel()
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({waiter})
        assert waiter.cancelled()


@pytest.mark.parametrize("outcome", ["value", Ended()], ids=["value", "error"])
async def test_a_cancellation_is_put_off(outcome):
    """However often the waiter is cancelled, it ends when the task has: cancelled, its outcome dropped."""
    gate = asyncio.Event()
    told = []
    task = start_protected(gated(gate, outcome))
    waiter = asyncio.create_task(defer_cancellation(task, on_cancel=lambda: told.append(task.done())))
    await asyncio.sleep(0)
    for _ in range(3):
        waiter.cancel()
        await asyncio.sleep(0)
        assert told
        assert not waiter.done()
    gate.set()
    await asyncio.wait({waiter})
    assert waiter.cancelled()
    assert task.done()
    assert not any(told)


async def test_it_is_out_of_sight():
    """``asyncio.all_tasks`` shows the waiter and not the task, before and after its first step."""
    gate = asyncio.Event()
    task = start_protected(gated(gate))
    waiter = asyncio.create_task(defer_cancellation(task))
    for _ in range(2):
        shown = asyncio.all_tasks()
        assert waiter in shown
        assert task not in shown
        await asyncio.sleep(0)
    gate.set()
    await waiter


async def test_it_runs_in_its_starters_context():
    """Context variables are the starter's, and changes stay inside."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("starter's")

    async def look():
        seen = variable.get()
        variable.set("task's")
        return seen

    assert await defer_cancellation(start_protected(look())) == "starter's"
    assert variable.get() == "starter's"


async def test_a_task_that_has_ended_costs_no_step():
    """Its result or error is there at once."""

    async def one():
        return 1

    async def failing():
        raise Ended

    done, failed = start_protected(one()), start_protected(failing())
    await asyncio.wait({done, failed})
    waiting = defer_cancellation(done)
    with pytest.raises(StopIteration) as stopped:
        waiting.send(None)
    assert stopped.value.value == 1
    with pytest.raises(Ended):
        defer_cancellation(failed).send(None)


async def test_uncancelled_nobody_is_told():
    """``on_cancel`` is for cancellations, not for the end."""
    told = []
    gate = asyncio.Event()
    asyncio.get_running_loop().call_soon(gate.set)
    await defer_cancellation(start_protected(gate.wait()), on_cancel=lambda: told.append("cancelled"))
    assert told == []


async def test_a_cancelled_waiter_says_why():
    """The cancellation that is raised in the end is the waiter's own, message included."""
    gate = asyncio.Event()
    waiter = asyncio.create_task(defer_cancellation(start_protected(gate.wait())))
    await asyncio.sleep(0)
    waiter.cancel("the user went away")
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiter
    assert caught.value.args == ("the user went away",)


async def test_a_timeout_around_it_is_one_in_the_end():
    """``asyncio.timeout`` finds its own cancellation again, late but whole."""
    gate = asyncio.Event()

    async def wait():
        async with asyncio.timeout(0):
            await defer_cancellation(start_protected(gate.wait()), on_cancel=gate.set)

    with pytest.raises(TimeoutError):
        await wait()
    assert gate.is_set()


async def test_a_dropped_error_is_no_complaint():
    """Nobody waits for the outcome any more, so the loop does not complain of it either."""
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate = asyncio.Event()

    async def failing():
        await gate.wait()
        raise Ended

    waiter = asyncio.create_task(defer_cancellation(start_protected(failing()), on_cancel=gate.set))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait({waiter})
    assert waiter.cancelled()
    del waiter
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_a_cancellation_is_let_go():
    """The error that was put off keeps neither itself nor the task's result alive."""
    gate = asyncio.Event()

    class Value:
        pass

    async def work():
        await gate.wait()
        return Value()

    async def wait():
        try:
            await defer_cancellation(start_protected(work()), on_cancel=gate.set)
        except asyncio.CancelledError as error:
            return weakref.ref(error)

    gc.collect()
    gc.disable()
    try:
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiter.cancel()
        reference = await waiter
        assert reference is not None
        assert reference() is None
    finally:
        gc.enable()


async def test_it_is_held_while_it_runs():
    """The loop holds tasks weakly; this one is held until it has ended, though nobody else does."""
    gate = asyncio.Event()
    ended = []

    async def work():
        await gate.wait()
        ended.append("work")

    reference = weakref.ref(start_protected(work()))
    await asyncio.sleep(0)
    gc.collect()
    assert reference() in unswept._running
    gate.set()
    while not ended:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    assert reference() is None


async def test_inside_it_everything_works():
    """Time-outs, task groups and the current task are as in any task."""

    async def work():
        assert asyncio.current_task() is task
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            child = group.create_task(asyncio.sleep(0, "child"))
        return child.result()

    task = start_protected(work())
    assert await defer_cancellation(task) == "child"


if sys.version_info >= (3, 12):

    async def test_an_eager_loop_changes_nothing():
        """The task is made without the loop's factory: its first step comes later, and it is hidden."""
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        steps = []

        async def work():
            steps.append("work")
            assert asyncio.current_task() not in asyncio.all_tasks()
            await asyncio.sleep(0)
            return 1

        task = start_protected(work())
        assert steps == []
        assert task not in asyncio.all_tasks()
        assert await defer_cancellation(task) == 1


class Run:
    """An ``asyncio.run`` in a thread of its own, whose main returns while a guarded task is at work."""

    def __init__(self, work: Callable[[Run], Coroutine[Any, Any, None]]) -> None:
        self.work = work
        self.told: list[str] = []
        self.swept = threading.Event()
        """Set when the run's final sweep has reached the guard, and main is gone."""
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main()), daemon=True)
        self.thread.start()

    async def main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun, self.released = asyncio.Event(), asyncio.Event()
        self.guard = asyncio.create_task(self.guarded())
        await self.begun.wait()
        self.told.append("main")

    async def guarded(self) -> None:
        try:
            await defer_cancellation(start_protected(self.work(self)), on_cancel=self.cancelled)
        finally:
            self.told.append("guard")

    def cancelled(self) -> None:
        self.swept.set()
        self.released.set()


def test_a_run_does_not_end_while_it_waits_for_a_timer():
    """Main has returned and the guard is swept: the loop still runs timers for the task."""

    async def work(run: Run) -> None:
        run.begun.set()
        await run.released.wait()
        await asyncio.sleep(0.001)  # it must fire at all; when does not matter
        run.told.append("work")

    run = Run(work)
    run.thread.join()
    assert run.told == ["main", "work", "guard"]


def test_a_run_does_not_end_while_it_waits_for_an_answer():
    """The answer of a peer that answers only after the sweep still arrives."""

    async def work(run: Run) -> None:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        run.begun.set()
        run.told.append((await reader.read()).decode())
        writer.close()
        await writer.wait_closed()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        run = Run(work)
        peer, _ = listening.accept()
        with peer:
            run.swept.wait()
            peer.sendall(b"answer")
        run.thread.join()
    assert run.told == ["main", "answer", "guard"]


SIGINT = """
import asyncio, os, signal
from extauth.services.uninterrupted import defer_cancellation, start_protected

async def work():
    await swept.wait()
    await asyncio.sleep(0.001)
    print("saved", flush=True)

async def main():
    global swept
    swept = asyncio.Event()
    guard = asyncio.create_task(defer_cancellation(start_protected(work()), on_cancel=swept.set))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()

# A shell starts what runs in its background with SIGINT ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(main())
"""


def test_ctrl_c_waits_for_it():
    """SIGINT ends the run with a ``KeyboardInterrupt`` after the task has ended."""
    told = subprocess.run(
        [sys.executable, "-c", SIGINT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stdout == "saved\n"
    assert "KeyboardInterrupt" in told.stderr
    assert told.returncode != 0
