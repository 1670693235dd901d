"""When an access token stops working, from what a token endpoint said about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from extauth.adapters.oauth2.reading.json_kinds import is_number
from extauth.adapters.oauth2.reading.jwt_claims import unverified_claims
from extauth.domain.policy import STRICTEST, ProviderTraits
from extauth.domain.token_set import ResourceToken, TokenSet

LONGEST_LIFETIME = timedelta(days=3650)
"""A longer one is taken for a mistake: milliseconds, or an instant in place of a span."""

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_LONGEST_JWT = 16 * 1024
"""In characters. A hint is not worth parsing more."""
_LAST_INSTANT = 10**14
"""In thousandths of a second since 1970; far beyond any clock."""
_THOUSANDTHS = 10**11
"""An instant from here on is in thousandths of a second: in seconds it would be the year 5138."""


def lifetime(value: object, unit: timedelta = timedelta(seconds=1)) -> timedelta | None:
    """Return ``expires_in`` (RFC 6749 section 5.1: seconds) as a span, or None if it says nothing.

    A whole or broken number, or a string of one. Zero, which some providers send for "never", negative
    ones, booleans, NaN, junk and more than :data:`LONGEST_LIFETIME` say nothing.
    """
    number = _number(value)
    # NaN fails the comparison, and a huge int is compared without becoming a float.
    if number is None or not 0 < number <= LONGEST_LIFETIME / unit:
        return None
    return unit * number or None


def first_lifetime(
    members: Mapping[str, object], fields: Iterable[str], unit: timedelta = timedelta(seconds=1)
) -> timedelta | None:
    """Return the lifetime that the first of ``fields`` gives that says anything, or None."""
    return next((span for field in fields if (span := lifetime(members.get(field), unit))), None)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    return value if is_number(value) else None


def _seconds(instant: object) -> float | None:
    """Return an instant since 1970, given so or as a date and time (ISO 8601; UTC if not said)."""
    number = _number(instant)
    if number is not None or not isinstance(instant, str):
        return number
    try:
        date = datetime.fromisoformat(instant.strip().upper())
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _until(instant: object, asked_at: datetime) -> timedelta | None:
    number = _seconds(instant)
    # An absurd instant is refused before it meets a float: a huge int would overflow.
    if number is None or not abs(number) < _LAST_INSTANT:
        return None
    return lifetime((number / 1000 if number >= _THOUSANDTHS else number) - asked_at.timestamp())


def _last_known(previous: TokenSet | None, resource: str | None, traits: ProviderTraits) -> timedelta | None:
    """Return how long the token before worked: that for the same resource, or else the grant's own."""
    if previous is None:
        return None
    before = None if resource is None else previous.resource_tokens.get(resource)
    # Where a token for a resource ended the grant's own, its end says nothing of how long such tokens work.
    cut_off = traits.refresh_revokes_access_token and bool(previous.resource_tokens)
    return (before and _span(before)) or (None if cut_off else _span(previous))


def _span(token: TokenSet | ResourceToken) -> timedelta | None:
    if token.expires_at is None or token.issued_at is None:
        return None
    span = token.expires_at - token.issued_at
    return span if timedelta(0) < span <= LONGEST_LIFETIME else None


def _jwt_lifetime(access_token: str, asked_at: datetime) -> timedelta | None:
    # Unverified, and it need not be: the token came from the provider over TLS, and a wrong expiry
    # costs a refresh that was too early or too late, no more.
    if len(access_token) > _LONGEST_JWT:
        return None
    claims = unverified_claims(access_token)
    exp = None if claims is None else claims.get("exp")
    return None if isinstance(exp, str) else _until(exp, asked_at)


def expiry(
    members: Mapping[str, object],
    *,
    access_token: str,
    asked_at: datetime,
    previous: TokenSet | None = None,
    resource: str | None = None,
    traits: ProviderTraits = STRICTEST,
    default: timedelta | None = None,
    lifetime_fields: Iterable[str] = ("expires_in",),
    unit: timedelta = timedelta(seconds=1),
    instant_field: str | None = None,
) -> datetime | None:
    """Return when the access token expires, or None if there is no telling.

    The first that is known of: a lifetime in ``unit``, an instant (in seconds or thousandths of them since
    1970, or as a date and time), the ``exp`` of an access token that is a JWT (RFC 7519 section 4.1.4), the
    lifetime of the previous access token for ``resource``, or else of the grant's own, and ``default``.
    Lifetimes count from ``asked_at``, which is before the provider counted them, so that it errs on the
    early side.
    """
    span = (
        first_lifetime(members, lifetime_fields, unit)
        or (_until(members.get(instant_field), asked_at) if instant_field else None)
        or _jwt_lifetime(access_token, asked_at)
        or _last_known(previous, resource, traits)
        or default
    )
    return None if span is None else asked_at + span


def refresh_token_expiry(
    members: Mapping[str, object],
    fields: Iterable[str],
    traits: ProviderTraits,
    *,
    asked_at: datetime,
    previous: TokenSet | None = None,
    instant_field: str | None = None,
    grant_fields: Iterable[str] = (),
) -> datetime | None:
    """Return when the refresh token stops working, or None if there is no telling.

    What the answer says comes first: a lifetime, or else an instant, and in any case no later than the
    lifetime of the whole grant that one of ``grant_fields`` says. Else a token that dies when unused counts
    from now, and one that dies a time after the user's consent counts from the first answer, carried forward
    from ``previous``. Of a token that does both, the consent bounds the first answer only.
    """
    instant = members.get(instant_field) if instant_field else None
    told = (
        first_lifetime(members, fields) or _until(instant, asked_at),
        first_lifetime(members, grant_fields),
    )
    if any(told):
        return asked_at + min(span for span in told if span is not None)
    ends = [
        asked_at + span
        for span in (
            traits.refresh_token_idle_lifetime,
            traits.refresh_token_lifetime if previous is None else None,
        )
        if span is not None
    ]
    if not ends and previous is not None and traits.refresh_token_lifetime is not None:
        return previous.refresh_token_expires_at
    return min(ends, default=None)
