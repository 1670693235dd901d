"""Where an answer redirects to, as far as it may be shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

_SHOWN_SAFELY: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
"""Names and addresses of hosts, and nothing that a log or a terminal would take for something else."""


def is_redirect(status: int) -> bool:
    """Whether a status is one of redirection (RFC 9110 section 15.4)."""
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def redirect_host(headers: Mapping[str, str]) -> str | None:
    """Return the host that ``Location`` names; None for a path alone, and for what is no host.

    The rest of it is left out: a server may have put into it what it was sent.
    """
    try:
        host = urlsplit(headers.get("location", "")).hostname or ""
    except ValueError:
        return None
    return host if _SHOWN_SAFELY.fullmatch(host) else None
