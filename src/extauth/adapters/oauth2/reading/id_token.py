"""Checking an ID token's claims (OpenID Connect Core 1.0 section 3.1.3.7). Pure.

The signature is not checked: the token comes straight from the token endpoint, over TLS, which item 6 of
that section allows in place of it. Over plain HTTP, which is for loopback alone, nothing vouches for it.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from extauth.adapters.oauth2.reading.json_kinds import is_filled, is_list, is_number
from extauth.adapters.oauth2.reading.jwt_claims import unverified_claims
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.storable import MAX_ID_LENGTH

CLOCK_LEEWAY: Final = timedelta(minutes=1)
"""How far the provider's clock may be from ours, either way."""

BEHIND: Final = timedelta(hours=14)
"""How far this machine's clock may be behind by ``iat``: as far as local time taken for UTC. What is
acceptable is the client's to say (OpenID Connect Core section 3.1.3.7 item 10), and the token has just come
from the provider."""

_ALSO_ISSUED_AS: Final = {"https://accounts.google.com": "accounts.google.com"}
"""Google's guide ("Verify the Google ID token", read 2026-11-30) has either (OpenID Connect Core section
15.6.2)."""

_DIGESTS: Final = ("sha256", "sha384", "sha512")
"""Of the signature algorithms (RFC 7518 section 3.1); half of each has a length of its own."""


def checked_claims(
    id_token: object,
    *,
    client_id: str,
    issuer: str | None,
    nonce: str | None,
    access_token: str,
    now: datetime,
) -> Mapping[str, object] | IdTokenRejected:
    """Return the claims of an ID token that is for this client and authorization, or what is wrong with it.

    Without an ``issuer`` any is taken; with a ``nonce`` the token must carry it. An ``at_hash`` in it must be
    that of the access token that came with it. Never raises.
    """
    claims = unverified_claims(id_token) if is_filled(id_token) else None
    if claims is None:
        return IdTokenRejected("id_token_unreadable")
    fault = (
        _whose(claims, client_id=client_id, issuer=issuer)
        or _when(claims, now.timestamp())
        or _which(claims, nonce=nonce, access_token=access_token)
    )
    return claims if fault is None else IdTokenRejected(fault)


def _whose(claims: Mapping[str, object], *, client_id: str, issuer: str | None) -> str | None:
    """Return what is wrong with who issued it, and for whom."""
    iss = claims.get("iss")
    if not is_filled(iss) or (issuer is not None and iss not in {issuer, _ALSO_ISSUED_AS.get(issuer)}):
        return "id_token_issuer"
    audience = claims.get("aud")
    audiences = audience if is_list(audience) else [audience]
    if client_id not in audiences:
        return "id_token_audience"
    # Another audience is trusted only with the provider's word that the token was made for this client.
    if claims.get("azp", client_id if len(audiences) == 1 else None) != client_id:
        return "id_token_authorized_party"
    subject = claims.get("sub")
    if not is_filled(subject) or len(subject) > MAX_ID_LENGTH:
        return "id_token_subject"
    return None


def _when(claims: Mapping[str, object], now: float) -> str | None:
    """Return what is wrong with its times (RFC 7519 sections 4.1.4 to 4.1.6)."""
    leeway = CLOCK_LEEWAY.total_seconds()
    exp = claims.get("exp")
    if not is_number(exp) or not exp > now - leeway:
        return "id_token_expired"
    issued = _instant(claims.get("iat"), now)
    if not is_number(issued) or not issued <= now + BEHIND.total_seconds():
        return "id_token_issued_in_future"
    starts = _instant(claims.get("nbf"), now)
    if not is_number(starts) or not starts <= max(now, issued) + leeway:
        return "id_token_not_yet_valid"
    return None


def _instant(claim: object, now: float) -> object:
    return now if claim is None else claim


def _which(claims: Mapping[str, object], *, nonce: str | None, access_token: str) -> str | None:
    """Return what ties it to another authorization or access token (sections 3.1.3.7 and 3.1.3.8)."""
    if nonce is not None and claims.get("nonce") != nonce:
        return "id_token_nonce"
    said = claims.get("at_hash")
    if said is not None and said not in _half_hashes(access_token):
        return "id_token_access_token"
    return None


def _half_hashes(access_token: str) -> list[str]:
    """Return what ``at_hash`` may be (section 3.1.3.6), by any algorithm: its header is as unsigned as it."""
    digests = [hashlib.new(name, access_token.encode()).digest() for name in _DIGESTS]
    return [
        written
        for half in (urlsafe_b64encode(digest[: len(digest) // 2]).decode() for digest in digests)
        for written in (half, half.rstrip("="))
    ]
