"""A deadline that counts nothing as late that has already arrived."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from extauth.deadline import LONGEST_GRACE, READING_TURNS, Deadline, overdue, wrote


@pytest.fixture
async def wire():
    """A reader, and the socket at its other end."""
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    yield reader, there
    writer.close()
    there.close()


async def test_what_does_not_come_is_late(wire):
    """The wait ends with a time-out."""
    reader, _ = wire
    with pytest.raises(TimeoutError):
        async with Deadline(0.001):
            await reader.readexactly(1)


@pytest.mark.parametrize("length", [1, 1024 * 1024])
async def test_what_lies_in_the_socket_is_read(wire, length):
    """It became due in the very turn in which the data came, and however many steps reading takes."""
    reader, there = wire
    there.setblocking(False)

    async def read_all():
        async with Deadline(3600) as deadline:
            waiting.set_result(deadline)
            return await reader.readexactly(length)

    waiting: asyncio.Future[Deadline] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(read_all())
    deadline = await waiting
    sent = there.send(b"x" * length)
    deadline.extend(-25)  # as after a turn of the loop that took that long
    rest = length - sent
    while rest and not task.done():
        await asyncio.sleep(0)
        try:
            rest -= there.send(b"x" * rest)
        except BlockingIOError:
            continue
    assert await task == b"x" * length


async def test_a_task_that_makes_progress_without_end_is_late():
    """It has some turns, and no more."""
    turns = 0

    async def go_on():
        nonlocal turns
        async with Deadline(0):
            while True:
                turns += 1
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await go_on()
    assert READING_TURNS <= turns <= READING_TURNS + 5


async def test_the_inner_one_of_two_has_its_say_first():
    """Both are due, and what the inner one makes of it reaches the caller of the outer one."""

    async def inner():
        try:
            async with Deadline(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "judged"

    async with Deadline(0, layers=2):
        assert await inner() == "judged"


async def test_a_cancellation_from_elsewhere_stays_one():
    """Also when it comes while there is still time to read."""

    async def wait():
        async with Deadline(0):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_can_be_put_off_while_it_has_not_ended():
    """Whoever hears something has more time, though it was due."""
    async with Deadline(0) as deadline:
        await asyncio.sleep(0)
        deadline.extend(3600)
        for _ in range(2 * READING_TURNS):
            await asyncio.sleep(0)


async def test_it_cannot_be_put_off_when_it_has_ended():
    """What would be done then would not be waited for."""

    async def wait():
        async with Deadline(0) as deadline:
            try:
                await asyncio.Event().wait()
            finally:
                with pytest.raises(RuntimeError):
                    deadline.extend(1)

    with pytest.raises(TimeoutError):
        await wait()


async def test_nothing_happens_after_it_was_left():
    """Neither the time nor the turns go on."""
    async with Deadline(0):
        await asyncio.sleep(0)
    for _ in range(2 * READING_TURNS):
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch):
    """By how many seconds the loop's clock has jumped, to be changed."""
    jumps = [0.0]
    true = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: true() + sum(jumps))
    return jumps


async def turns(count):
    """Let the loop run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_loop_that_was_late_has_some_time_and_then_turns(clock):
    """As long again as it was late, five seconds at most, and only once."""
    began = time.monotonic()

    async def wait():
        async with Deadline(1):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await turns(2)
    clock.append(26)
    await turns(4 * READING_TURNS)
    assert not task.done()
    clock.append(LONGEST_GRACE)
    with pytest.raises(TimeoutError):
        await task
    assert time.monotonic() - began >= 26 + LONGEST_GRACE


@pytest.mark.parametrize("answered", [True, False])
async def test_what_was_written_late_has_some_time_for_its_answer(clock, answered):
    """Although the pause ended just before the deadline; as long again, and only once."""
    answer = asyncio.Event()

    async def wait():
        async with Deadline(10), Deadline(20):
            clock.append(9.9)
            wrote(9.9)
            await answer.wait()
            return "answered"

    task = asyncio.create_task(wait())
    await turns(4)
    clock.append(0.2)  # in time for a timer
    await turns(4 * READING_TURNS)
    assert not task.done()
    if answered:
        answer.set()
        assert await task == "answered"
    else:
        clock.append(LONGEST_GRACE)
        with pytest.raises(TimeoutError):
            await task


async def test_no_more_time_is_given_where_there_is_enough(clock):
    """The one grace is left for a later turn, which may need it, and a short write is no pause."""
    async with Deadline(60):
        wrote(30)
        clock.append(65)
        await turns(4 * READING_TURNS)

    async def briefly():
        async with Deadline(0.01):
            wrote(0.4)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(briefly(), 0.3)


async def test_it_is_nearly_due_with_a_tenth_of_its_time_left(clock):
    """Or with half a second: what is begun then would hardly be waited for."""
    async with Deadline(1):
        clock.append(0.8)
        assert not overdue()
        clock.append(0.15)
        assert overdue()
    async with Deadline(60):
        clock.append(59.3)
        assert not overdue()
        clock.append(0.3)
        assert overdue()


async def test_it_is_overdue_from_when_it_is_due_until_it_is_left(clock):
    """Whoever begins something then would not be waited for."""
    async with Deadline(10):
        assert not overdue()
        clock.append(11)
        async with Deadline(10):
            assert overdue()
    assert not overdue()
