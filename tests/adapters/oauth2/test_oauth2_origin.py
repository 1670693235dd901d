"""Whom a provider's grants belong to."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import GrantOrigin
from extauth.adapters.oauth2 import OAuth2Provider

TOKEN_URL = "https://as.example/token"
BEFORE = GrantOrigin("client", "https://old.example/token")


def provider(**options: Any) -> OAuth2Provider:
    """Return a provider of a public client."""
    return OAuth2Provider("p", client_id="client", client_auth="none", token_url=TOKEN_URL, **options)


def test_client_endpoint_and_resource() -> None:
    """All three are told apart."""
    assert provider().origin == GrantOrigin("client", TOKEN_URL)
    assert provider(resource="https://mcp.example").origin == GrantOrigin(
        "client", TOKEN_URL, "https://mcp.example"
    )


def test_it_is_made_once() -> None:
    """Each token handed out is compared with it."""
    made = provider()
    assert made.origin is made.origin


def test_what_it_was_before() -> None:
    """Any collection of origins; by default none."""
    assert provider().formerly == frozenset()
    assert provider(formerly=[BEFORE, BEFORE]).formerly == frozenset({BEFORE})


@pytest.mark.parametrize("given", [BEFORE, "https://old.example", ["https://old.example"], None, [BEFORE, 7]])
def test_anything_else_is_refused(given: Any) -> None:
    """With what to write."""
    with pytest.raises(TypeError, match=r"formerly=\[GrantOrigin\(client_id, token_endpoint\)\]"):
        provider(formerly=given)
