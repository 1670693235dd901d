"""What the authorization server reads from a request: its form and the client's credentials."""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from aiohttp import web


async def read_form(request: web.Request) -> dict[str, str] | None:
    """Return the parameters, without empty ones; None if one is repeated (RFC 6749 section 3.2)."""
    if request.content_type != "application/x-www-form-urlencoded":
        return None
    form: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if name in form or not isinstance(value, str):
            return None
        form[name] = value
    return {name: value for name, value in form.items() if value}


def authenticates(header: str | None, form: dict[str, str], client_id: str, client_secret: str) -> bool:
    """Whether the client proves who it is (RFC 6749 section 2.3.1), in a Basic header or in the body."""
    if header is not None:
        given = _basic(header)
    elif "client_secret" in form:
        given = form.get("client_id", ""), form["client_secret"]
    else:
        given = None
    return given is not None and all(map(_same, given, (client_id, client_secret)))


def _basic(header: str) -> tuple[str, str] | None:
    """Return client id and secret from a Basic header, in which both are form-encoded."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
