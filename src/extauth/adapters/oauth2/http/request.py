"""One HTTP request, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import attrs

from extauth.adapters.oauth2.http.addresses import Reach
from extauth.version import UNKNOWN, installed_version

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_VERSION: Final = installed_version()
USER_AGENT: Final = "extauth" if _VERSION == UNKNOWN else f"extauth/{_VERSION}"
"""What servers read in their logs. A product needs no version (RFC 9110, section 10.1.5)."""


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
    shown_url: str | None = attrs.field(default=None, repr=False)
    """What traces are to show instead, at the same host, where there is a token in the URL."""
    reach: Reach = "any"
    """Which addresses it may go to, where the session is not the application's."""
