"""The loop that leads to one address of a name passes for the loop that it is."""

from __future__ import annotations

import asyncio

from extauth.adapters.postgres.name_addresses import FailedAddresses, LeadingLoop


async def test_it_is_the_running_loop_to_whoever_looks_it_up():
    """Asyncio keeps the current task of each loop by the loop."""
    running = asyncio.get_running_loop()
    leading = LeadingLoop(FailedAddresses(), lambda left: None)
    assert leading == running
    assert {running: "found"}[leading] == "found"
    assert asyncio.current_task(leading) is asyncio.current_task()
