"""The time of day, for what has to be dated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol, final


class WallClock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        ...


@final
class SystemClock:
    """The machine's own time of day."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)
