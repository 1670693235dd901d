"""Errors as a caller is told them: JSON of RFC 9457, with codes that stay. Pure."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Final, final

import attrs

from extauth.domain.errors import (
    ConfigurationError,
    ExtAuthError,
    LinkNotFound,
    NotAuthorized,
    ReauthorizationRequired,
    TemporarilyUnavailable,
    UnknownProvider,
)

MEDIA_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:extauth:broker:"
_TITLES: Final = {
    400: "The request cannot be understood",
    401: "The caller did not prove who it is",
    403: "The caller may not do this",
    404: "There is no such thing",
    405: "This method is not answered",
    409: "The user must connect again",
    413: "The request is too long",
    421: "This is another service",
    500: "The deployment must be mended",
    502: "The API could not be reached",
    503: "Try again later",
}


@final
@attrs.frozen
class Problem:
    """What is wrong."""

    status: int
    code: str
    """Stable: an error's own ``code``, or one of the broker's."""
    detail: str
    reason: str | None = None
    retry_after: float | None = None
    """Seconds."""

    def body(self) -> str:
        """Return it as JSON."""
        members: dict[str, object] = {
            "type": f"{_TYPE}{self.code}",
            "title": _TITLES.get(self.status, "The request failed"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.reason is not None:
            members["reason"] = self.reason
        if self.retry_after is not None:
            members["retry_after"] = self.retry_after
        return json.dumps(members)

    def headers(self) -> dict[str, str]:
        """Return the header fields that go with it; ``Proxy-Status`` (RFC 9209) says that it is the broker's
        own and not the API's."""
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Cache-Control": "no-store",
            "Proxy-Status": f'extauth; details="{self.code}"',
        }
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="extauth"'
        if self.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(self.retry_after))
        return headers


UNAUTHENTICATED: Final = Problem(
    401, "unauthenticated", "show the caller's secret: Authorization: Bearer ..."
)
FORBIDDEN: Final = Problem(403, "forbidden", "nothing allows this caller to do this")
NOT_FOUND: Final = Problem(404, "not_found", "there are /v1/token/, /v1/proxy/ and /v1/health")
NO_API: Final = Problem(404, "no_api", "requests to this provider's API are not forwarded")
INTERNAL: Final = Problem(500, "internal", "a mistake in extauth; the log of the broker says where")
UNREACHABLE: Final = Problem(502, "api_unreachable", "the API could not be reached, or broke off")


def problem_of(error: Exception) -> Problem:
    """Return how an error is told."""
    match error:
        case LinkNotFound() | UnknownProvider():
            return Problem(404, error.code, "the user has no link to this provider")
        case ReauthorizationRequired():
            return Problem(409, error.code, error.explanation, error.reason)
        case NotAuthorized():
            return FORBIDDEN
        case TemporarilyUnavailable():
            after = error.retry_after
            return Problem(
                503, error.code, str(error), retry_after=None if after is None else after.total_seconds()
            )
        case ConfigurationError():
            # What must be mended is for the operator's eyes.
            return Problem(500, error.code, "the log of the broker says what", getattr(error, "reason", None))
        case ExtAuthError():
            return Problem(503, error.code, str(error))
        case _:
            return INTERNAL
