from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from extauth.adapters.oauth2.client_auth import ClientCredentials


def test_basic_form_encodes_both_parts_before_base64() -> None:
    """RFC 6749 section 2.3.1: a colon or percent sign in a part stays inside it."""
    credentials = ClientCredentials("cli:ent%", "s e+c/ré:t", "client_secret_basic")

    header = credentials.headers()["Authorization"]

    assert header == "Basic Y2xpJTNBZW50JTI1OnMrZSUyQmMlMkZyJUMzJUE5JTNBdA=="
    assert b64decode(header.removeprefix("Basic ")) == b"cli%3Aent%25:s+e%2Bc%2Fr%C3%A9%3At"
    assert credentials.fields() == {}


def test_post_sends_id_and_secret_as_form_fields_only() -> None:
    """The other way of RFC 6749 section 2.3.1 has no header."""
    credentials = ClientCredentials("client", "s", "client_secret_post")

    assert credentials.fields() == {"client_id": "client", "client_secret": "s"}
    assert credentials.headers() == {}


def test_a_public_client_names_itself() -> None:
    """RFC 6749 section 4.1.3: without authentication client_id is required."""
    credentials = ClientCredentials("client", None, "none")

    assert credentials.fields() == {"client_id": "client"}
    assert credentials.headers() == {}


@pytest.mark.parametrize(
    ("client_id", "secret", "method", "message"),
    [
        ("", "s", "client_secret_basic", "client_id must not be empty"),
        ("client", None, "client_secret_basic", "needs a client_secret"),
        ("client", "", "client_secret_basic", "needs a client_secret"),
        ("client", None, "client_secret_post", "needs a client_secret"),
        ("client", "s", "none", "sends no client_secret"),
        ("client", "s", "tls_client_auth", "client_auth must be one of client_secret_basic, "),
        ("client", "\ud800", "client_secret_basic", "client_secret must be valid Unicode"),
        ("cl\0ient", "s", "client_secret_basic", "client_id must not contain a NUL"),
    ],
)
def test_bad_credentials_are_refused(client_id: Any, secret: Any, method: Any, message: str) -> None:
    """A registration that cannot work is a ValueError that says why."""
    with pytest.raises(ValueError, match=message):
        ClientCredentials(client_id, secret, method)


def test_the_secret_is_in_no_repr() -> None:
    """The repr names the client only."""
    assert "hidden" not in repr(ClientCredentials("client", "hidden", "client_secret_post"))
