from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from extauth.adapters.oauth2.client.client_auth import ClientCredentials

TOKEN_URL = "https://provider.example/token"


def test_basic_form_encodes_both_parts_before_base64() -> None:
    """RFC 6749 section 2.3.1: a colon or percent sign in a part stays inside it. A space is %20, which those
    that decode a form read alike, and those that decode percent signs alone, as Authlib 1.9.10 does."""
    credentials = ClientCredentials("cli:ent%", "s e+c/ré:t", "client_secret_basic")

    header = credentials.headers()["Authorization"]

    assert header == "Basic Y2xpJTNBZW50JTI1OnMlMjBlJTJCYyUyRnIlQzMlQTklM0F0"
    assert b64decode(header.removeprefix("Basic ")) == b"cli%3Aent%25:s%20e%2Bc%2Fr%C3%A9%3At"
    assert credentials.fields(TOKEN_URL) == {}


@pytest.mark.parametrize(
    "method", ["client_secret_basic", "client_secret_basic_raw", "secret_key_basic", "client_assertion"]
)
def test_a_client_can_be_named_beside_the_header(method: Any) -> None:
    """RFC 6749 section 3.2.1 allows it, and some servers look nowhere else; the secret stays where it was."""
    unnamed = ClientCredentials("client", "s", method)
    named = ClientCredentials("client", "s", method, named=True)

    assert named.fields(TOKEN_URL) == {"client_id": "client", **unnamed.fields(TOKEN_URL)}
    assert named.headers() == unnamed.headers()


def test_post_sends_id_and_secret_as_form_fields_only() -> None:
    """The other way of RFC 6749 section 2.3.1 has no header."""
    credentials = ClientCredentials("client", "s", "client_secret_post")

    assert credentials.fields(TOKEN_URL) == {"client_id": "client", "client_secret": "s"}
    assert credentials.headers() == {}


def test_a_public_client_names_itself() -> None:
    """RFC 6749 section 4.1.3: without authentication client_id is required."""
    credentials = ClientCredentials("client", None, "none")

    assert credentials.fields(TOKEN_URL) == {"client_id": "client"}
    assert credentials.headers() == {}


@pytest.mark.parametrize(
    ("client_id", "secret", "method", "message"),
    [
        ("", "s", "client_secret_basic", "client_id must not be empty"),
        ("client", None, "client_secret_basic", "needs a client_secret; a public client gives"),
        ("client", "", "client_secret_basic", "needs a client_secret"),
        ("client", None, "client_secret_post", "needs a client_secret, or an AppleKey;"),
        ("client", "s", "none", "sends no client_secret"),
        ("client", "s", "tls_client_auth", "client_auth must be one of client_secret_basic, "),
        ("client", "\ud800", "client_secret_basic", "client_secret must be valid Unicode"),
        ("cl\0ient", "s", "client_secret_basic", "client_id must not contain a NUL"),
        ("client", None, "client_secret_basic_raw", "needs a client_secret"),
        ("cli:ent", "s", "client_secret_basic_raw", "needs a client_id without a colon"),
    ],
)
def test_bad_credentials_are_refused(client_id: Any, secret: Any, method: Any, message: str) -> None:
    """A registration that cannot work is a ValueError that says why."""
    with pytest.raises(ValueError, match=message):
        ClientCredentials(client_id, secret, method)


def test_the_secret_is_in_no_repr() -> None:
    """The repr names the client only."""
    assert "hidden" not in repr(ClientCredentials("client", "hidden", "client_secret_post"))


def test_a_secret_can_be_a_bearer_token() -> None:
    """JFrog's way: the secret in the header as it is, the id as a field."""
    credentials = ClientCredentials("client", "s+/=", "client_secret_bearer")

    assert credentials.headers() == {"Authorization": "Bearer s+/="}
    assert credentials.fields(TOKEN_URL) == {"client_id": "client"}


def test_a_secret_key_can_be_the_user_of_basic() -> None:
    """Stripe's way for apps: no password, and no client id anywhere."""
    credentials = ClientCredentials("client", "sk_x", "secret_key_basic")

    assert b64decode(credentials.headers()["Authorization"].removeprefix("Basic ")) == b"sk_x:"
    assert credentials.fields(TOKEN_URL) == {}


def test_a_secret_can_pass_for_an_assertion() -> None:
    """Azure DevOps' old way: the static secret where a signed assertion belongs, and no client id."""
    credentials = ClientCredentials("client", "s", "client_assertion")

    assert credentials.headers() == {}
    assert credentials.fields(TOKEN_URL) == {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "s",
    }


@pytest.mark.parametrize(
    ("secret", "method", "expected"),
    [
        ("s:1", "client_secret_post", b"client:s%3A1"),
        ("s:1", "client_secret_basic", b"client:s%3A1"),
        ("s:1", "client_secret_basic_raw", b"client:s:1"),
        ("sk", "secret_key_basic", b"sk:"),
    ],
)
def test_basic_is_there_for_calls_whatever_the_way(secret: str, method: Any, expected: bytes) -> None:
    """An endpoint may want HTTP Basic though the token endpoint takes something else."""
    headers = ClientCredentials("client", secret, method).basic_headers()

    assert headers is not None
    assert b64decode(headers["Authorization"].removeprefix("Basic ")) == expected


def test_there_is_no_basic_without_a_secret() -> None:
    """A public client has nothing to show."""
    assert ClientCredentials("client", None, "none").basic_headers() is None
