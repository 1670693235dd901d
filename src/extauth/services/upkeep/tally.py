"""Counting what one look comes to."""

from __future__ import annotations

from datetime import timedelta
from typing import final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.upkeep import UpkeepReport


@final
@attrs.define
class Tally:
    """Counts, while many links are refreshed at the same time."""

    refreshed: int = 0
    elsewhere: int = 0
    failed: int = 0
    ended: int = 0
    behind: timedelta = timedelta(0)
    store_error: StoreUnavailable | None = None
    """Why to stop."""

    def report(self, *, paused: frozenset[str]) -> UpkeepReport:
        """Return what it came to."""
        return UpkeepReport(
            refreshed=self.refreshed,
            elsewhere=self.elsewhere,
            failed=self.failed,
            ended=self.ended,
            paused=paused,
            behind=self.behind,
        )
