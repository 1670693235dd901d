"""Counting what one look comes to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.upkeep import UpkeepReport

OnProgress: TypeAlias = Callable[[UpkeepReport], object]
"""Is told, link by link, what has been done so far."""


@final
@attrs.define
class Tally:
    """Counts, while many links are refreshed at the same time."""

    progress: OnProgress | None = None
    refreshed: int = 0
    elsewhere: int = 0
    failed: int = 0
    ended: int = 0
    behind: timedelta = timedelta(0)
    store_error: StoreUnavailable | None = None
    """Why to stop."""

    def tell(self) -> None:
        """Say what it has come to so far."""
        if self.progress is not None:
            self.progress(self.report())

    def report(self, *, paused: frozenset[str] = frozenset()) -> UpkeepReport:
        """Return what it came to."""
        return UpkeepReport(
            refreshed=self.refreshed,
            elsewhere=self.elsewhere,
            failed=self.failed,
            ended=self.ended,
            paused=paused,
            behind=self.behind,
        )
