"""The machine's own time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final, final

_SINCE_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
"""Linux's clock that counts the time for which the machine was suspended, too: leases go on meanwhile."""


@final
class SystemClock:
    """A :class:`~extauth.domain.ports.Clock` that tells the machine's time."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def timestamp(self) -> float:
        """Return the same as POSIX seconds, which takes a quarter of the time."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back, those of a suspended machine included where it can tell."""
        return time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)
