"""The machine's own time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import final


@final
class SystemClock:
    """A :class:`~extauth.domain.ports.Clock` that tells the machine's time."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)
