"""The metrics: made once, fed by events and by what refreshes and waits take."""

from __future__ import annotations

from typing import Final, final

from opentelemetry.metrics import Meter

from extauth.adapters.opentelemetry.names import (
    ERROR_TYPE,
    EVENT,
    EVENTS,
    PAUSE_DURATION,
    PROVIDER,
    REFRESH_DURATION,
    RESULT,
    UNSAVED,
    WAIT_DURATION,
    WAITING,
    provider_of,
)
from extauth.adapters.opentelemetry.refresh import Refresh
from extauth.domain.events import (
    Event,
    LinkAdopted,
    LinkProbablyDead,
    LinkRefreshed,
    ProviderRejectedClient,
    RefreshFailed,
    SaveAbandoned,
    SaveDelayed,
    StoreRestored,
    StoreWentBack,
    UnlinkedMeanwhile,
    UpkeepSwept,
)
from extauth.domain.link import LinkKey

_SECONDS: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    30.0,
    60.0,
)
"""Those of ``http.client.request.duration``, and two beyond its last: a refresh may wait for a replica."""
_PAUSES: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)


@final
class Instruments:
    """Records. No attribute is a token, a user's id, or the name of one of their links."""

    def __init__(self, meter: Meter) -> None:
        self._refresh_duration = meter.create_histogram(
            REFRESH_DURATION,
            unit="s",
            description="Duration of refreshes of links, whoever waits for them.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._wait_duration = meter.create_histogram(
            WAIT_DURATION,
            unit="s",
            description="How long callers wait for a refresh.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._waiting = meter.create_up_down_counter(
            WAITING, unit="{caller}", description="Callers that wait for a refresh now."
        )
        self._pause_duration = meter.create_histogram(
            PAUSE_DURATION,
            unit="s",
            description="For how long links are left alone after a refresh that failed.",
            explicit_bucket_boundaries_advisory=_PAUSES,
        )
        self._unsaved = meter.create_up_down_counter(
            UNSAVED, unit="{link}", description="Links whose new tokens are in this process alone."
        )
        self._events = meter.create_counter(
            EVENTS, unit="{event}", description="What observers were told, by event and reason."
        )
        self._unsaved_keys: set[LinkKey] = set()

    def refreshed(self, key: LinkKey, refresh: Refresh, took: float) -> None:
        """Record the end of a refresh."""
        attributes = {PROVIDER: provider_of(key.provider_id), RESULT: refresh.result}
        if refresh.problem is not None:
            attributes[ERROR_TYPE] = refresh.problem
        self._refresh_duration.record(took, attributes)

    def wait_begins(self, key: LinkKey) -> None:
        """Record that one more caller waits."""
        self._waiting.add(1, {PROVIDER: provider_of(key.provider_id)})

    def wait_ended(self, key: LinkKey, took: float, error: str | None) -> None:
        """Record that one fewer does."""
        attributes = {PROVIDER: provider_of(key.provider_id)}
        self._waiting.add(-1, attributes)
        self._wait_duration.record(took, attributes if error is None else {**attributes, ERROR_TYPE: error})

    def told(self, event: Event) -> None:
        """Record an event."""
        if isinstance(event, StoreWentBack | StoreRestored):
            self._events.add(1, {EVENT: type(event).__name__})
            return
        provider_id = (
            event.provider_id
            if isinstance(event, ProviderRejectedClient | UpkeepSwept)
            else event.key.provider_id
        )
        provider = {PROVIDER: provider_of(provider_id)}
        attributes = {**provider, EVENT: type(event).__name__}
        reason = getattr(event, "reason", None)
        self._events.add(1, attributes if reason is None else {**attributes, ERROR_TYPE: reason})
        match event:
            case RefreshFailed() | LinkProbablyDead() if event.retry_after is not None:
                self._pause_duration.record(event.retry_after.total_seconds(), provider)
            case SaveDelayed():
                if event.key not in self._unsaved_keys:
                    self._unsaved_keys.add(event.key)
                    self._unsaved.add(1, provider)
            case LinkRefreshed() | LinkAdopted() | SaveAbandoned() | UnlinkedMeanwhile():
                if event.key in self._unsaved_keys:
                    self._unsaved_keys.discard(event.key)
                    self._unsaved.add(-1, provider)
            case _:
                pass
