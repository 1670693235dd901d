"""An observer that measures and traces."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from time import perf_counter
from typing import final

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from extauth.adapters.opentelemetry.instruments import Instruments
from extauth.adapters.opentelemetry.names import SCHEMA_URL, SCOPE, error_type
from extauth.adapters.opentelemetry.refresh import Refresh, current
from extauth.adapters.opentelemetry.spans import Spans
from extauth.domain.events import Event
from extauth.domain.link import LinkKey
from extauth.version import installed_version


@final
class OpenTelemetryObserver:
    """Tells OpenTelemetry what happens, by the providers that the application has set up, or those given.

    Metrics: ``extauth.refresh.duration`` and ``extauth.refresh.wait.duration`` (histograms, s),
    ``extauth.refresh.waiting`` (callers that wait now), ``extauth.pause.duration`` (histogram, s),
    ``extauth.link.unsaved`` (links whose new tokens this process alone has) and ``extauth.events`` (a counter
    by event and reason). Each has ``extauth.provider``, the provider without the name of a link, and
    ``error.type`` for what failed: a reason, as a stable code.

    Spans: ``refresh {provider}``, a trace of its own with the requests to the provider beneath it, and in the
    trace of each caller that waits for it ``wait_for_refresh {provider}``, with a link to it. Handing out a
    token that is there is neither counted nor a span, and costs nothing.

    No attribute is a token, a code, a user's id, an error's message or text of the provider's. It keeps to
    the event loop of the services; one is enough for all of them.
    """

    def __init__(
        self, *, meter_provider: MeterProvider | None = None, tracer_provider: TracerProvider | None = None
    ) -> None:
        version = installed_version()
        self._instruments = Instruments(get_meter(SCOPE, version, meter_provider, SCHEMA_URL))
        self._spans = Spans(get_tracer(SCOPE, version, tracer_provider, SCHEMA_URL))

    def notify(self, event: Event) -> None:
        """Count the event, and take note of it for the refresh that it belongs to."""
        refresh = current.get()
        if refresh is not None:
            refresh.note(event)
        self._instruments.told(event)

    @contextmanager
    def refreshing(self, key: LinkKey) -> Generator[None]:
        """Measure and trace a refresh."""
        refresh, began = Refresh(), perf_counter()
        token = current.set(refresh)
        try:
            with self._spans.refreshing(key, refresh):
                try:
                    yield
                except BaseException as error:
                    refresh.end(error)
                    raise
        finally:
            current.reset(token)
            self._instruments.refreshed(key, refresh, perf_counter() - began)

    @contextmanager
    def waiting(self, key: LinkKey) -> Generator[None]:
        """Measure and trace a caller's wait."""
        began = perf_counter()
        problem: str | None = None
        self._instruments.wait_begins(key)
        try:
            with self._spans.waiting(key) as errors:
                try:
                    yield
                except BaseException as error:
                    problem = error_type(error)
                    errors.append(problem)
                    raise
        finally:
            self._instruments.wait_ended(key, perf_counter() - began, problem)
