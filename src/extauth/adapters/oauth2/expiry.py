"""When an access token stops working, from what a token endpoint said about it."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta

from extauth.domain.token_set import TokenSet

LONGEST_LIFETIME = timedelta(days=3650)
"""A longer one is taken for a mistake: milliseconds, or an instant in place of a span."""

_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_JWT_PARTS = 3
_LONGEST_JWT_PAYLOAD = 16 * 1024
_LAST_INSTANT = 10**12
"""In seconds since 1970; far beyond any clock."""


def lifetime(value: object) -> timedelta | None:
    """Return ``expires_in`` (RFC 6749 section 5.1: seconds) as a span, or None if it says nothing.

    A whole or broken number, or a string of one. Zero, which some providers send for "never", negative
    ones, booleans, NaN, junk and more than :data:`LONGEST_LIFETIME` say nothing.
    """
    if isinstance(value, str):
        number = value.strip()
        value = float(number) if _NUMBER.fullmatch(number) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # NaN fails the comparison, and a huge int is compared without becoming a float.
    if not 0 < value <= LONGEST_LIFETIME.total_seconds():
        return None
    return timedelta(seconds=value) or None


def _last_known(previous: TokenSet | None) -> timedelta | None:
    if previous is None or previous.expires_at is None or previous.issued_at is None:
        return None
    span = previous.expires_at - previous.issued_at
    return span if timedelta(0) < span <= LONGEST_LIFETIME else None


def _jwt_lifetime(access_token: str, asked_at: datetime) -> timedelta | None:
    # Unverified, and it need not be: the token came from the provider over TLS, and a wrong expiry
    # costs a refresh that was too early or too late, no more.
    parts = access_token.split(".")
    if len(parts) != _JWT_PARTS or len(parts[1]) > _LONGEST_JWT_PAYLOAD:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        exp = claims["exp"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(exp, (int, float)):
        return None
    # An absurd instant is refused before it meets a float: a huge int would overflow.
    return lifetime(exp - asked_at.timestamp()) if abs(exp) < _LAST_INSTANT else None


def expiry(
    members: Mapping[str, object],
    *,
    access_token: str,
    asked_at: datetime,
    previous: TokenSet | None = None,
    default: timedelta | None = None,
) -> datetime | None:
    """Return when the access token expires, or None if there is no telling.

    The first that is known of: ``expires_in``, the lifetime of the previous access token, the ``exp``
    of an access token that is a JWT (RFC 7519 section 4.1.4), and ``default``. Counted from
    ``asked_at``, which is before the provider counted it, so that it errs on the early side.
    """
    span = (
        lifetime(members.get("expires_in"))
        or _last_known(previous)
        or _jwt_lifetime(access_token, asked_at)
        or default
    )
    return None if span is None else asked_at + span
