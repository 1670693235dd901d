"""A response as the core makes it, for any framework to send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, final

import attrs

ALWAYS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Vary", "Accept, Accept-Language, Cookie"),
)
"""What stands in each answer: none is kept, framed or taken for another kind."""

NO_REFERRER: Final = ("Referrer-Policy", "no-referrer")
"""Where the URL holds a code and a state."""

OWN_REFERRER: Final = ("Referrer-Policy", "same-origin")
"""Elsewhere: with ``no-referrer`` a browser would send our own forms with ``Origin: null``."""


@final
@attrs.frozen
class WebResponse:
    """One response. Headers may be repeated, as ``Set-Cookie`` is; their values are ASCII."""

    status: int
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """With the content type."""
    body: str = attrs.field(default="", repr=False)

    def adding(self, *headers: tuple[str, str]) -> WebResponse:
        """Return the same with more headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


def as_json(value: Mapping[str, Any], status: int = 200, kind: str = "application/json") -> WebResponse:
    """Return a JSON document."""
    return WebResponse(status, (("Content-Type", kind), *ALWAYS), json.dumps(value))


def see_other(location: str, *headers: tuple[str, str]) -> WebResponse:
    """Return a redirect that is followed by a GET (RFC 9110 section 15.4.4)."""
    return WebResponse(303, (("Location", location), *ALWAYS, *headers))
