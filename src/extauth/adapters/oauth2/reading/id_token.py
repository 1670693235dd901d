"""Checking an ID token's claims (OpenID Connect Core 1.0 section 3.1.3.7). Pure.

The signature is not checked: the token comes straight from the token endpoint, over TLS, which item 6 of
that section allows in place of it. Over plain HTTP, which is for loopback alone, nothing vouches for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from extauth.adapters.oauth2.reading.json_kinds import is_filled, is_list, is_number
from extauth.adapters.oauth2.reading.jwt_claims import unverified_claims
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.storable import MAX_ID_LENGTH

EXPIRY_LEEWAY: Final = timedelta(minutes=1)
"""How much the provider's clock may be behind ours."""


def checked_claims(
    id_token: object, *, client_id: str, issuer: str | None, nonce: str | None, now: datetime
) -> Mapping[str, object] | IdTokenRejected:
    """Return the claims of an ID token that is for this client and authorization, or what is wrong with it.

    Without an ``issuer`` any is taken; with a ``nonce`` the token must carry it. Never raises.
    """
    claims = unverified_claims(id_token) if is_filled(id_token) else None
    if claims is None:
        return IdTokenRejected("id_token_unreadable")
    fault = _fault(claims, client_id=client_id, issuer=issuer, nonce=nonce, now=now)
    return claims if fault is None else IdTokenRejected(fault)


def _fault(
    claims: Mapping[str, object], *, client_id: str, issuer: str | None, nonce: str | None, now: datetime
) -> str | None:
    if not is_filled(claims.get("iss")) or (issuer is not None and claims["iss"] != issuer):
        return "id_token_issuer"
    audience = claims.get("aud")
    audiences = audience if is_list(audience) else [audience]
    if client_id not in audiences:
        return "id_token_audience"
    # Another audience is trusted only with the provider's word that the token was made for this client.
    if claims.get("azp", client_id if len(audiences) == 1 else None) != client_id:
        return "id_token_authorized_party"
    exp = claims.get("exp")
    if not is_number(exp) or not exp > (now - EXPIRY_LEEWAY).timestamp():
        return "id_token_expired"
    if nonce is not None and claims.get("nonce") != nonce:
        return "id_token_nonce"
    subject = claims.get("sub")
    if not is_filled(subject) or len(subject) > MAX_ID_LENGTH:
        return "id_token_subject"
    return None
