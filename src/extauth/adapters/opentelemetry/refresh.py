"""What one refresh came to, as its events and its end tell."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Literal, TypeAlias, final

import attrs

from extauth.adapters.opentelemetry.names import error_type
from extauth.domain.events import (
    Event,
    ExchangeStarted,
    LinkAdopted,
    LinkProbablyDead,
    LinkReauthorizationRequired,
    LinkRefreshed,
    ProviderRejectedClient,
    RefreshFailed,
    SaveDelayed,
)

Result: TypeAlias = Literal["refreshed", "unsaved", "adopted", "kept", "failed"]
"""New tokens are stored; they are in memory until the store is back; another replica's are used; the link is
as it was, and its token works; the callers get an error."""


@final
@attrs.define(eq=False)
class Refresh:
    """Takes note of the events of one refresh."""

    result: Result = "kept"
    problem: str | None = None
    """Why the provider gave no tokens, as a stable code."""
    exchanges: int = 0
    """How often the refresh token was presented."""
    replayed: bool = False
    """Whether an earlier exchange of it may have used it up."""

    def note(self, event: Event) -> None:
        """Take note of what was told while the refresh ran."""
        match event:
            case ExchangeStarted():
                self.exchanges += 1
                self.replayed = self.replayed or event.replay
            case LinkRefreshed():
                self.result, self.problem = "refreshed", None
            case SaveDelayed():
                self.result, self.problem = "unsaved", None
            case LinkAdopted():
                self.result, self.problem = "adopted", None
            case RefreshFailed() | LinkProbablyDead() | LinkReauthorizationRequired():
                self.problem = event.reason
            case ProviderRejectedClient():
                self.problem = event.reason
            case _:
                pass

    def end(self, error: BaseException | None) -> None:
        """Take note of how it ended."""
        if error is not None:
            self.result = "failed"
            self.problem = self.problem or error_type(error)


current: ContextVar[Refresh | None] = ContextVar("extauth_refresh", default=None)
"""The refresh that an event is about: set in the task of the refresh, and so in those that it starts."""
