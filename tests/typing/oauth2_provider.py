"""Checked, never run: the OAuth 2.0 client has the shape of its ports."""

from __future__ import annotations

from typing import assert_type

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.linking_outcomes import BeginDeviceOutcome, CodeOutcome, PollOutcome
from extauth.domain.linking_ports import LinkingProvider
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.ports import OAuthProvider
from extauth.domain.token_set import TokenSet

provider_type: type[OAuthProvider] = OAuth2Provider
linking_type: type[LinkingProvider] = OAuth2Provider
provider: OAuthProvider = OAuth2Provider(
    "github",
    client_id="client",
    client_secret="s",
    token_url="https://provider.example/token",
)


async def each_exchange_is_a_closed_union(client: OAuth2Provider) -> None:
    """What there is to handle is known to the type checker."""
    assert_type(
        await client.refresh(TokenSet("at-1", refresh_token="rt-1"), resource="https://api.example"),
        ExchangeOutcome,
    )
    assert_type(await client.exchange_code("code", redirect_uri="https://app.example/callback"), CodeOutcome)
    assert_type(await client.begin_device(frozenset()), BeginDeviceOutcome)
    assert_type(await client.poll_device("device-code"), PollOutcome)
