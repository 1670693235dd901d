"""Running something to its end whatever happens to whoever waits for it."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from extauth.services.outlasting import _running, outlast, start_unswept


async def gated(gate, outcome=1):
    """Wait for the gate and return or raise the outcome."""
    await gate.wait()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def test_result_and_error():
    """Uncancelled, it is like awaiting the task."""
    gate = asyncio.Event()
    gate.set()
    assert await outlast(start_unswept(gated(gate))) == 1
    with pytest.raises(ValueError):
        await outlast(start_unswept(gated(gate, ValueError())))


async def test_out_of_sight():
    """asyncio.all_tasks doesn't show the task, though somebody holds it."""
    gate = asyncio.Event()
    task = start_unswept(gated(gate))
    assert task not in asyncio.all_tasks()
    assert task in _running
    gate.set()
    await outlast(task)
    await asyncio.sleep(0)
    assert task not in _running


@pytest.mark.parametrize("outcome", [1, ValueError()])
async def test_cancellation_is_put_off(outcome):
    """However often the waiter is cancelled, it is so when the task has ended; its outcome is dropped."""
    gate = asyncio.Event()
    told = []
    task = start_unswept(gated(gate, outcome))
    waiter = asyncio.create_task(outlast(task, on_cancel=lambda: told.append("now")))
    for times in (1, 2, 3):
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
        assert len(told) == times
        assert not waiter.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert task.done()


async def test_a_cancelled_task():
    """A task that is itself cancelled is so for its waiter."""
    task = start_unswept(gated(asyncio.Event()))
    waiter = asyncio.create_task(outlast(task))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    task = start_unswept(gated(asyncio.Event()))
    waiter = asyncio.create_task(outlast(task))
    await asyncio.sleep(0)
    waiter.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter


async def test_the_callers_context():
    """The task sees its starter's context variables."""
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)

    async def look():
        return variable.get()

    assert await outlast(start_unswept(look())) == 7


def test_the_end_of_a_run():
    """asyncio.run ends when the task has: it sweeps the visible waiter, which stays for it."""
    ended = []

    async def work(began):
        began.set()
        await asyncio.get_running_loop().run_in_executor(None, ended.append, "in a thread")
        await asyncio.sleep(0)
        ended.append("after it")

    async def main():
        began = asyncio.Event()
        task = asyncio.create_task(outlast(start_unswept(work(began))))
        await began.wait()
        assert not task.done()

    asyncio.run(main())
    assert ended == ["in a thread", "after it"]
