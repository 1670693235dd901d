from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from extauth import clock
from extauth.clock import SystemClock


async def test_it_tells_the_machines_time():
    """In UTC, to the second at least; and it can wait."""
    machine = SystemClock()
    before = machine.monotonic()
    await machine.sleep(0)
    assert machine.monotonic() >= before
    assert machine.now().tzinfo is UTC
    assert abs(machine.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_it_counts_the_time_that_a_machine_is_suspended(monkeypatch):
    """By the clock since boot where there is one, else by what every machine has."""
    monkeypatch.setattr(time, "clock_gettime", {clock._SINCE_BOOT: 7.0}.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: 3.0)
    monkeypatch.setattr(clock, "_SINCE_BOOT", getattr(time, "CLOCK_BOOTTIME", None))
    assert SystemClock().monotonic() == (7.0 if hasattr(time, "CLOCK_BOOTTIME") else 3.0)
    monkeypatch.setattr(clock, "_SINCE_BOOT", None)
    assert SystemClock().monotonic() == 3.0
