"""What went wrong, as a page and as a problem document (RFC 9457). Pure.

Neither holds a text of anybody's but our own: an error's message may name what only operators should read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, final

import attrs

from extauth.domain.errors import (
    AccountChanged,
    AlreadyCompleted,
    AuthorizationExpired,
    AuthorizationFailed,
    AuthorizationRejected,
    ConfigurationError,
    ConsentDenied,
    ExtAuthError,
    InvalidCallback,
    IssuerMismatch,
    LinkNotFound,
    NotAuthorized,
    TemporarilyUnavailable,
    UnknownProvider,
    UnknownState,
    WrongUser,
)

PROBLEM_JSON: Final = "application/problem+json"

_STATUS: Final[Mapping[type[ExtAuthError], int]] = {
    # The first that fits counts: leaves before their bases.
    ConsentDenied: 403,
    AlreadyCompleted: 409,
    AuthorizationFailed: 409,
    AuthorizationExpired: 400,
    WrongUser: 403,
    UnknownState: 400,
    InvalidCallback: 400,
    IssuerMismatch: 400,
    AuthorizationRejected: 400,
    AccountChanged: 409,
    LinkNotFound: 404,
    UnknownProvider: 404,
    NotAuthorized: 403,
    TemporarilyUnavailable: 503,
    ConfigurationError: 503,
}

_OWN: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "begun_elsewhere": 400,
    "cross_site_request": 403,
    "device_pending": 409,
    "invalid_next": 400,
    "method_not_allowed": 405,
    "no_device_code": 404,
    "not_begun_here": 400,
    "not_found": 404,
    "not_signed_in": 401,
    "stale_form": 403,
}
"""What goes wrong before extauth is asked."""


@final
@attrs.frozen
class Problem:
    """One thing that went wrong."""

    code: str
    """Stable; that of extauth's error where there was one."""
    status: int
    words: str
    """Of which problem the sentences are: several codes may be told alike."""
    reason: str | None = None
    """The stable code beneath, such as the provider's ``invalid_scope``."""
    retry_after: int | None = None
    """In seconds."""

    def document(self, title: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        members = {
            "type": f"urn:extauth:problem:{self.code}",
            "title": title,
            "status": self.status,
            "code": self.code,
            "reason": self.reason,
            "retry_after": self.retry_after,
        }
        return {name: value for name, value in members.items() if value is not None}

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return what a response with it says besides."""
        return () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)


@final
class Refused(Exception):
    """Ends the handling of a request with a problem."""

    def __init__(self, code: str, *, status: int | None = None) -> None:
        super().__init__(code)
        self.problem = Problem(code, _OWN[code] if status is None else status, code)


CONFIGURATION: Final = Problem(ConfigurationError.code, 503, ConfigurationError.code)
"""A mistake of the deployment that is told as ``ValueError``."""


def problem_of(error: ExtAuthError) -> Problem:
    """Return what an error of extauth's is to the one who asked."""
    kind = next((kind for kind in _STATUS if isinstance(error, kind)), ConfigurationError)
    reason = error.reason if isinstance(error, AuthorizationRejected) else None
    wait = error.retry_after if isinstance(error, TemporarilyUnavailable) else None
    return Problem(
        error.code,
        _STATUS[kind],
        kind.code,
        reason=reason,
        retry_after=None if wait is None else max(1, math.ceil(wait.total_seconds())),
    )
