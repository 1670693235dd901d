"""One HTTP request, as data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final, final

import attrs

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

USER_AGENT: Final = f"extauth/{version('extauth')}"


@final
@attrs.frozen
class HttpRequest:
    """One request. Its ``repr`` shows the method only: the rest may hold secrets."""

    method: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    """Beside ``Accept``, ``User-Agent`` and ``Content-Type``, and before them where they name the same."""
    body: bytes | None = attrs.field(default=None, repr=False)
    content_type: str = FORM
    """What the body is, if there is one."""
