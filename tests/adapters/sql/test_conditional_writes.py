"""A conditional write ends: done, with a reason, or with an error that names what can swallow it."""

from __future__ import annotations

import pytest

from extauth import StoreUnavailable
from extauth.adapters.sql.conditional_writes import MOST_TRIES, repeated


class Script:
    """Gives one answer after the other, and counts how often it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        return self.answers.pop(0) if self.answers else None


async def test_what_is_written_is_the_answer():
    """Nobody asks why not."""
    write, why_not = Script("row"), Script()
    assert await repeated(write, why_not) == "row"
    assert (write.asked, why_not.asked) == (1, 0)


async def test_a_reason_is_the_answer():
    """It is asked for after the write."""
    write, why_not = Script(), Script("held")
    assert await repeated(write, why_not) == "held"
    assert (write.asked, why_not.asked) == (1, 1)


async def test_a_reason_that_is_over_is_none():
    """The write is made again, up to the last try."""
    write, why_not = Script(*[None] * (MOST_TRIES - 1), "row"), Script()
    assert await repeated(write, why_not) == "row"
    assert (write.asked, why_not.asked) == (MOST_TRIES, MOST_TRIES - 1)


async def test_it_is_not_made_for_ever():
    """The error says what to look at."""
    write, why_not = Script(), Script()
    with pytest.raises(StoreUnavailable, match=r"trigger .* row-level security .* load balancer"):
        await repeated(write, why_not)
    assert write.asked == MOST_TRIES
