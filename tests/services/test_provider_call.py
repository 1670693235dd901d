"""Single questions to a provider, bounded in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from extauth.deadline import READING_TURNS
from extauth.domain.outcomes import Unknown
from extauth.services.provider_call import guarded


async def test_an_answer_that_has_arrived_is_read_and_no_other_waited_for():
    """As many turns of the loop as the deadlines of both layers take, ours and the client's within it."""
    turns = 0

    async def go_on() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    assert await guarded(go_on, timedelta(0)) == Unknown("exchange_timeout")
    assert 2 * READING_TURNS <= turns <= 2 * READING_TURNS + 5
