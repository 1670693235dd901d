"""The real SDK, with exporters in memory."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from extauth.adapters.opentelemetry import OpenTelemetryObserver


class Telemetry:
    """An observer, and what came out of it."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.tracers.get_tracer("tests")
        self.observer = OpenTelemetryObserver(meter_provider=self.meters, tracer_provider=self.tracers)

    def spans(self, name: str) -> list[ReadableSpan]:
        """Return the spans of that name that have ended."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    def counts(self, name: str) -> dict[tuple[Any, ...], int]:
        """Return how many there are, by the values of the attributes in the order of their names."""
        return {
            tuple(value for _, value in sorted(point.attributes.items())): (
                point.count if hasattr(point, "count") else point.value
            )
            for point in self.points(name)
        }


@pytest.fixture
def telemetry():
    """An observer on providers of its own, which are shut down at the end."""
    made = Telemetry()
    yield made
    made.meters.shutdown()
    made.tracers.shutdown()
