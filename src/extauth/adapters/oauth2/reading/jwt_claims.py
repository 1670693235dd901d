"""Reading a JSON Web Token without verifying it."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping

from extauth.adapters.oauth2.reading.json_kinds import is_object
from extauth.adapters.oauth2.reading.json_reading import read_json

_PARTS = 3
"""Of a signed token; an encrypted one has five (RFC 7516 section 9)."""


def unverified_claims(token: str) -> Mapping[str, object] | None:
    """Return the claims of a signed token (RFC 7519 section 3), or None if it is none. Never raises.

    The signature is not looked at: use it only where the token's way here vouches for it.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims = read_json(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if is_object(claims) else None
