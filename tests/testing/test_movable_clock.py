"""The clock that goes by itself, and that a test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from extauth.testing import MovableClock

HOUR = timedelta(hours=1)


def test_it_goes_as_the_machine_does_and_as_far_ahead_as_it_was_moved():
    """Both of its clocks are moved by the same, and go on."""
    clock = MovableClock()
    assert abs(datetime.now(UTC) - clock.now()) < timedelta(minutes=1)
    before, ticks = clock.now(), clock.monotonic()
    clock.advance(HOUR)
    clock.advance(HOUR)
    assert 2 * HOUR <= clock.now() - before < 2 * HOUR + timedelta(minutes=1)
    assert 7200 <= clock.monotonic() - ticks < 7260


def test_time_does_not_go_back():
    """A negative span is refused, and changes nothing."""
    clock = MovableClock()
    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance(-HOUR)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


async def test_who_sleeps_is_woken_when_their_time_has_been_moved_over():
    """Not before, and each at its own time; those that sleep on go on sleeping."""
    clock = MovableClock()
    woken: list[int] = []

    async def sleep(hours: int) -> None:
        await clock.sleep(hours * 3600)
        woken.append(hours)

    sleepers = [asyncio.ensure_future(sleep(hours)) for hours in (3, 1)]
    for expected in ([1], [1], [1, 3]):
        await asyncio.sleep(0)
        clock.advance(HOUR + timedelta(minutes=1))
        for _ in range(10):
            await asyncio.sleep(0)
        assert woken == expected
    await asyncio.gather(*sleepers)


async def test_it_needs_nobody_to_move_it():
    """A short wait ends by itself, and none at all lets others run once."""
    clock = MovableClock()
    began = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - began >= 0.01
    other = asyncio.ensure_future(asyncio.sleep(0))
    await clock.sleep(-1)
    await clock.sleep(0)
    assert other.done()
