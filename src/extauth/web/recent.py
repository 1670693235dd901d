"""What this process has lately seen of exchanges: an observer that keeps little and forgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, final

import attrs

from extauth.domain.events import (
    Event,
    ExchangeUnresolved,
    LinkProbablyDead,
    LinkReauthorizationRequired,
    LinkRefreshed,
    ProviderRejectedClient,
    RefreshFailed,
    SaveAbandoned,
)

MINUTES: Final = 60
"""How far back it remembers."""
_MOST_FAILURES: Final = 20

Outcome: TypeAlias = Literal["refreshed", "failed", "ended"]
"""New tokens were stored; a refresh failed for now, or nobody knows how it ended; only the user can mend the
link."""


@final
@attrs.define
class Minute:
    """How often each outcome was seen in one minute."""

    at: datetime
    """When it began."""
    refreshed: int = 0
    failed: int = 0
    ended: int = 0


@final
@attrs.frozen
class Trouble:
    """One exchange that brought no new tokens."""

    at: datetime
    provider: str
    outcome: Outcome
    reason: str


def _now() -> datetime:
    return datetime.now(UTC)


@final
class RecentExchanges:
    """An :class:`~extauth.Observer` that remembers the last hour of **this process**::

        recent = RecentExchanges()
        extauth.open(url, providers, observer=recent)
        OperatorPage(find_auth, operator, public_url=..., recent=recent)

    Beside another observer: ``observer=extauth.Observers(recent, other)``. It keeps 60 numbers for each
    outcome and the last 20 failures, by provider and reason; no user, and nothing of a token. All is gone
    when the process ends, and other replicas have their own.
    """

    def __init__(self, *, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)
        self._troubles: deque[Trouble] = deque(maxlen=_MOST_FAILURES)
        self.since = now()
        """Since when it has been told."""

    def notify(self, event: Event) -> None:
        """Take note. Raises nothing."""
        match event:
            case LinkRefreshed():
                self._minute().refreshed += 1
            case RefreshFailed() | ExchangeUnresolved() | LinkProbablyDead():
                self._failed(event.key.provider_id, event.reason)
            case ProviderRejectedClient(provider_id, reason):
                self._failed(provider_id, reason)
            case LinkReauthorizationRequired():
                self._minute().ended += 1
                self._trouble(event.key.provider_id, "ended", event.reason)
            case SaveAbandoned():
                self._failed(event.key.provider_id, "save_abandoned")
            case _:
                pass

    def minutes(self) -> list[Minute]:
        """Return the last hour, a value for each minute, the oldest first."""
        last = self._now().replace(second=0, microsecond=0)
        known = {each.at: each for each in self._minutes}
        ats = [last - timedelta(minutes=ago) for ago in range(MINUTES - 1, -1, -1)]
        return [known.get(at) or Minute(at) for at in ats]

    def troubles(self) -> list[Trouble]:
        """Return the last failures, the newest first."""
        return list(reversed(self._troubles))

    def _failed(self, provider_id: str, reason: str) -> None:
        self._minute().failed += 1
        self._trouble(provider_id, "failed", reason)

    def _trouble(self, provider_id: str, outcome: Outcome, reason: str) -> None:
        self._troubles.append(Trouble(self._now(), provider_id, outcome, reason))

    def _minute(self) -> Minute:
        at = self._now().replace(second=0, microsecond=0)
        # A clock that was set back goes on in the last minute, so that the order stays.
        if not self._minutes or self._minutes[-1].at < at:
            self._minutes.append(Minute(at))
        return self._minutes[-1]
