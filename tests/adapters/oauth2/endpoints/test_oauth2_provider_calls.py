from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwk, jwt

from extauth.adapters.oauth2 import (
    ApiRules,
    AppleKey,
    Call,
    IdentityRules,
    InstallationRules,
    OAuth2Provider,
    PrivateKey,
    Revocation,
    ValidationRules,
)
from extauth.domain.link import Account
from extauth.domain.linking import Installation
from extauth.domain.linking_outcomes import TokenValid
from extauth.domain.token_set import TokenSet
from tests.support.provider_calls import NOW, MovingClock

URL = "https://provider.example/token"
TOKENS = TokenSet("at-0", refresh_token="rt-0")


def provider(token_url: str = URL, **options: Any) -> OAuth2Provider:
    """Return a client with good defaults."""
    options = {"client_id": "client", "client_secret": "hidden", "clock": MovingClock(), **options}
    return OAuth2Provider("example", token_url=token_url, **options)


async def test_a_client_with_a_key_signs_for_the_token_endpoint(server: Any) -> None:
    """private_key_jwt at the token endpoint and at others: the audience stays the token endpoint."""
    key = jwk.ECKey.generate_key("P-256")
    url = server.url + "?tenant=a"
    client = provider(
        url,
        client_secret=None,
        client_auth="private_key_jwt",
        client_key=PrivateKey(key.as_pem(private=True).decode(), "key-1", "ES256"),
        revoke_url=server.url + "/revoke",
    )
    server.answer(200, b'{"access_token": "at-1"}')

    await client.refresh(TOKENS)
    assert await client.revoke(TOKENS) is True

    assert [request.line for request in server.requests] == [
        "POST /token?tenant=a HTTP/1.1",
        "POST /token/revoke HTTP/1.1",
        "POST /token/revoke HTTP/1.1",
    ]
    for request in server.requests:
        form = request.form
        assert form["client_id"] == "client"
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        token = jwt.decode(form["client_assertion"], key, algorithms=["ES256"])
        assert token.claims["aud"] == url
        assert token.claims["iat"] == int(NOW.timestamp())
        assert "authorization" not in request.headers


async def test_apple_s_secret_is_posted(server: Any) -> None:
    """It stands where a client secret does."""
    key = jwk.ECKey.generate_key("P-256")
    client = provider(
        server.url,
        client_secret=None,
        client_auth="client_secret_post",
        client_key=AppleKey("TEAM", "KEY", key.as_pem(private=True).decode()),
    )
    server.answer(200, b'{"access_token": "at-1"}')

    for _ in range(2):
        await client.refresh(TOKENS)

    first, second = (request.form for request in server.requests)
    assert first.keys() == {"grant_type", "refresh_token", "client_id", "client_secret"}
    assert first["client_secret"] == second["client_secret"]
    assert jwt.decode(first["client_secret"], key, algorithms=["ES256"]).claims["iss"] == "TEAM"


async def test_the_provider_s_own_endpoints_are_asked(server: Any) -> None:
    """Identity, validation, installations and the API's headers follow the rules given."""
    call = Call(url=server.url)
    client = provider(
        identity=IdentityRules(call=call),
        validation=ValidationRules(call=call),
        installations=InstallationRules(call=call, items=("sites",)),
        api=ApiRules(scheme="Zoho-oauthtoken", headers={"Client-Id": "{client_id}"}),
    )
    server.answer(200, b'{"sub": "1", "sites": [{"id": "s", "name": "Site"}]}')

    assert await client.identify(TOKENS) == Account("1")
    assert await client.validate(TOKENS) == TokenValid(Account("1"))
    assert await client.installations(TOKENS) == (Installation("s", "Site"),)
    expected = {"Authorization": "Zoho-oauthtoken at-0", "Client-Id": "client"}
    assert client.api_headers(TOKENS) == expected
    for request in server.requests:
        assert request.headers["authorization"] == "Zoho-oauthtoken at-0"
        assert request.headers["client-id"] == "client"


async def test_short_forms_of_rules(server: Any) -> None:
    """``userinfo_url`` is OpenID Connect's call, and another one beside it is refused."""
    server.answer(200, b'{"sub": "1"}')
    revocation = Revocation.standard(URL)

    assert await provider(userinfo_url=server.url).identify(TOKENS) == Account("1")
    with pytest.raises(ValueError, match="give userinfo_url or a call in identity"):
        provider(userinfo_url=URL, identity=IdentityRules(call=Call(url=URL)))
    with pytest.raises(ValueError, match="give revoke_url or revocation"):
        provider(revoke_url=URL, revocation=revocation)
    assert await provider(revocation=Revocation.standard(server.url)).revoke(TOKENS) is True
