"""Checked, never run: the OAuth 2.0 client has the shape of the port."""

from __future__ import annotations

from typing import assert_type

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.ports import OAuthProvider

provider_type: type[OAuthProvider] = OAuth2Provider
provider: OAuthProvider = OAuth2Provider(
    "github",
    client_id="client",
    client_secret="s",
    token_url="https://provider.example/token",
)


async def an_exchange_is_a_closed_union(client: OAuth2Provider) -> None:
    """The code exchange answers with the same union as a refresh."""
    assert_type(
        await client.exchange_code("code", redirect_uri="https://app.example/callback"), ExchangeOutcome
    )
