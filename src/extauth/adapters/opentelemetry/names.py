"""What metrics, spans and attributes are called, by OpenTelemetry's semantic conventions 1.44.0.

These have no part on OAuth clients, so that all but ``error.type`` is named for extauth, as they ask of
libraries: names by "Naming", units by "Metrics" (``s`` for durations, annotations for counts), failures by
"Recording errors" (``error.type`` is there if, and only if, the operation failed). Read in
https://github.com/open-telemetry/semantic-conventions, docs/general, on 2026-11-29.
"""

from __future__ import annotations

from typing import Final

from extauth.domain.errors import ExtAuthError
from extauth.domain.linking import ACCOUNT_SEPARATOR

SCOPE: Final = "extauth"
"""The instrumentation scope: a meter's and a tracer's name."""
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

REFRESH_DURATION: Final = "extauth.refresh.duration"
WAIT_DURATION: Final = "extauth.refresh.wait.duration"
WAITING: Final = "extauth.refresh.waiting"
PAUSE_DURATION: Final = "extauth.pause.duration"
UNSAVED: Final = "extauth.link.unsaved"
EVENTS: Final = "extauth.events"

PROVIDER: Final = "extauth.provider"
EVENT: Final = "extauth.event"
RESULT: Final = "extauth.refresh.result"
EXCHANGES: Final = "extauth.refresh.exchanges"
REPLAYED: Final = "extauth.refresh.replayed"
ERROR_TYPE: Final = "error.type"


def provider_of(provider_id: str) -> str:
    """Return the provider without the name of a link: names are users', and any number."""
    return provider_id.partition(ACCOUNT_SEPARATOR)[0]


def error_type(error: BaseException) -> str:
    """Return a stable code for an error: its reason, its code, or the name of its class. No message."""
    if isinstance(error, ExtAuthError):
        return str(getattr(error, "reason", error.code))
    return type(error).__qualname__
