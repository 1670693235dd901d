"""A clock that stands still, for the store in memory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Clock:
    """Says what it is set to."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """The store's clock, at noon."""
    return Clock()
