from __future__ import annotations

from datetime import UTC, datetime, timedelta

from extauth.clock import SystemClock


async def test_it_tells_the_machines_time():
    """In UTC, to the second at least; and it can wait."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
