"""What OpenID Connect adds: ID tokens, and the claims about an account."""

from __future__ import annotations

import base64
import hashlib

from extauth.domain.link import Account
from extauth.testing.provider_model.families import AccessToken
from extauth.testing.provider_model.redemption import IssuedTokens
from extauth.testing.server.clients import Client
from extauth.testing.server.state import ServerState

ID_TOKEN_LIFETIME = 3600
"""In seconds."""


def claims_about(account: Account) -> dict[str, object]:
    """Return the standard claims (OpenID Connect Core section 5.1), those that the account has."""
    claims: dict[str, object] = {
        "sub": account.id,
        "name": account.display_name,
        "preferred_username": account.login,
        "picture": account.avatar_url,
    }
    return {name: value for name, value in claims.items() if value is not None}


def id_token(state: ServerState, access: AccessToken, nonce: str | None, pair: IssuedTokens) -> str | None:
    """Return the ID token of an answer (OpenID Connect Core section 2); None if it has none."""
    quirks, client = state.quirks, access.family.terms.client
    asked = quirks.id_tokens == "always" or (quirks.id_tokens == "openid" and "openid" in access.scopes)
    if not asked or not isinstance(client, Client):
        return None
    issued_at = int(state.now().timestamp())
    half = hashlib.sha256(pair.access_token.encode()).digest()[:16]
    claims = claims_about(state.accounts.of(access.family.subject)) | {
        "iss": state.issuer,
        "aud": client.id,
        "iat": issued_at,
        "exp": issued_at + ID_TOKEN_LIFETIME,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return state.signer.sign(claims, quirks.signing_alg)
