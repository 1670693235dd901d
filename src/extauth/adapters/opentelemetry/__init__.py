"""Events as OpenTelemetry metrics, and refreshes as spans."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("otel"):
    from extauth.adapters.opentelemetry.observer import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver"]
