"""The document by which an application says who it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from extauth.adapters.discovery import client_document, client_document_url
from extauth.adapters.oauth2 import PrivateKey

URL = "https://app.example/oauth/client.json"
EC = ECKey.generate_key("P-256").as_pem(private=True).decode()
RSA = RSAKey.generate_key(2048).as_pem(private=True).decode()


def document(**changes: Any) -> dict[str, Any]:
    """Return a good document, but for what is given."""
    values: dict[str, Any] = {"client_name": "App", "redirect_uris": ["https://app.example/callback"]}
    return client_document(URL, **{**values, **changes})


def test_a_public_client() -> None:
    """What a server must know, and no more."""
    assert document() == {
        "client_id": URL,
        "client_name": "App",
        "redirect_uris": ["https://app.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def test_what_users_see_and_what_is_asked_for() -> None:
    """As the application gives it, scopes in order."""
    more = document(
        scopes=["write", "read"], client_uri="https://app.example", logo_uri="https://app.example/l"
    )
    assert (more["scope"], more["client_uri"], more["logo_uri"]) == (
        "read write",
        "https://app.example",
        "https://app.example/l",
    )


def test_a_client_with_a_key() -> None:
    """Its assertion is good by the document's key, of which nothing private is there."""
    key = PrivateKey(EC, "k-1", "ES256")
    found = json.loads(json.dumps(document(client_key=key, more_keys=[PrivateKey(RSA, "k-0")])))
    assert found["token_endpoint_auth_method"] == "private_key_jwt"
    assert found["token_endpoint_auth_signing_alg"] == "ES256"
    assert [(each["kid"], each["use"]) for each in found["jwks"]["keys"]] == [("k-1", "sig"), ("k-0", "sig")]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for each in found["jwks"]["keys"] for name in each}
    assertion = key.assertion(URL, "https://issuer.example", datetime.now(UTC))
    decoded = jwt.decode(assertion, KeySet.import_key_set(found["jwks"]), algorithms=["ES256"])
    assert decoded.claims["sub"] == URL


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/client.json",
        "https://app.example",
        "https://app.example/",
        "https://app.example/a/../client.json",
        "https://app.example/%2e/client.json",
        "https://user@app.example/client.json",
        "https://app.example/client.json?v=1",
        "https://app.example/client.json#1",
        "client.json",
        "HTTPS://app.example/client.json",
        " https://app.example/client.json",
        "https://app.example/client\n.json",
        "https://app.example/a client.json",
        "https://app.example/a\\..\\client.json",
        "https://app.example/clïent.json",
        "https://app.example:99999/client.json",
    ],
)
def test_what_is_no_client_id(url: str) -> None:
    """Servers refuse what the draft forbids; better here and now."""
    with pytest.raises(ValueError, match="URL of a client document"):
        client_document_url(url)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"redirect_uris": []}, "redirect_uris must be absolute"),
        ({"redirect_uris": ["/callback"]}, "redirect_uris must be absolute"),
        ({"redirect_uris": "https://app.example/callback"}, "redirect_uris must be a collection"),
        ({"client_name": ""}, "client_name must not be empty"),
        ({"more_keys": [PrivateKey(RSA)]}, "more_keys need a client_key"),
    ],
)
def test_what_is_no_document(changes: dict[str, Any], message: str) -> None:
    """Said when the application makes it."""
    with pytest.raises(ValueError, match=message):
        document(**changes)
