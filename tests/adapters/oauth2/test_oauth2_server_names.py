"""By what an authorization server is told apart from others that redirect URIs must not be shared with."""

from __future__ import annotations

from typing import Any

import pytest

from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider
from extauth.adapters.providers import (
    Preset,
    github,
    github_app,
    gitlab_self_managed,
    google,
    shopify,
    zendesk,
)
from extauth.services.linking.redirect_uris import server_of
from extauth.testing import ScriptedLinkingProvider


def provider(authorize: str, token: str, **others: Any) -> OAuth2Provider:
    """Return a provider of these endpoints."""
    return OAuth2Provider(
        "p",
        client_id="c",
        client_secret="s",
        authorize_url=f"https://{authorize}/authorize",
        token_url=f"https://{token}/token",
        **others,
    )


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (provider("a.example", "b.example"), True),
        (provider("A.example", "b.EXAMPLE", scopes=["more"]), True),
        (provider("a.example", "evil.example"), False),
        (provider("evil.example", "b.example"), False),
        (provider("a.example", "b.example", issuer="https://a.example"), False),
        (provider("a.example", "b.example", authorization=AuthorizationRules(operator="us")), False),
    ],
)
def test_a_server_without_an_issuer(other, same):
    """It is told by the hosts of both endpoints: one that names another's as its own is not that one."""
    assert (server_of(other).name == server_of(provider("a.example", "b.example")).name) is same


def test_an_issuer_says_which_server_it_is():
    """Whatever its endpoints are; and whether it sends it is known."""
    one = provider("a.example", "a.example", issuer="https://i.example", sends_issuer=True)
    other = provider("b.example", "b.example", issuer="https://i.example")
    assert server_of(one).name == server_of(other).name == "https://i.example"
    assert (server_of(one).sends_issuer, server_of(other).sends_issuer) == (True, False)


def test_an_operator_with_many_hosts():
    """Where the application says so, they are one server."""
    rules = AuthorizationRules(operator="acme")
    servers = {server_of(provider(host, host, authorization=rules)) for host in ("a.example", "b.example")}
    assert {server.name for server in servers} == {"acme"}


@pytest.mark.parametrize(("preset", "variable"), [(shopify, "shop"), (zendesk, "subdomain")])
def test_customers_of_one_vendor(preset: Preset, variable):
    """Their hosts are the vendor's own, and one client is for all: they may share a redirect URI."""
    variables: list[Any] = [{variable: name} for name in ("a", "b")]
    shops = [preset(client_id="c", client_secret="s", **given) for given in variables]
    assert {server_of(shop).name for shop in shops} == {preset.id}


def test_presets_of_one_vendor_and_of_others():
    """Two clients at GitHub are at one server; Google, and a GitLab of somebody's own, are others."""
    client = {"client_id": "c", "client_secret": "s"}
    ours = [github(**client), github_app(**client), google(**client)]
    own = [gitlab_self_managed(**client, base=f"https://{name}.example") for name in ("a", "b")]
    names = [server_of(each).name for each in (*ours, *own)]
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_a_provider_that_does_not_say():
    """It is told by its token endpoint, or else taken for a server of its own."""
    scripted = ScriptedLinkingProvider("p")
    assert server_of(scripted).name == "the provider p"
    assert server_of(ScriptedLinkingProvider("p", origin=provider("a.example", "b.example").origin)).name == (
        "b.example"
    )
