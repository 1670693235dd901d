"""Making a provider of what a server publishes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from extauth import Account, ProviderMisconfigured, TokenSet
from extauth.adapters.discovery import ServerMetadata
from extauth.adapters.oauth2 import AuthorizationRules
from extauth.domain.linking import AuthorizationRequest, LinkingTraits
from extauth.domain.linking_outcomes import TokenValid
from extauth.domain.policy import ProviderTraits

METADATA = ServerMetadata(
    issuer="https://auth.example",
    authorization_endpoint="https://auth.example/authorize",
    token_endpoint="https://auth.example/token",
    device_authorization_endpoint="https://auth.example/device",
    userinfo_endpoint="https://auth.example/me",
    client_auth_methods=("client_secret_post", "client_secret_basic"),
    code_challenge_methods=("S256",),
    sends_issuer=True,
    openid=True,
)


def test_what_is_found_is_used():
    """Endpoints, issuer and habits of the server are the provider's; refreshing is taken to be strict."""
    provider = METADATA.provider("x", client_id="c", client_secret="s", scopes=("openid", "a"))
    assert provider.linking == LinkingTraits(
        scopes=("openid", "a"),
        pkce=True,
        openid=True,
        issuer="https://auth.example",
        sends_issuer=True,
        authorization_endpoint="https://auth.example/authorize",
        published=True,
        device=True,
    )
    assert provider.origin.token_endpoint == "https://auth.example/token"
    assert (provider.device_url, provider.userinfo_url) == (
        "https://auth.example/device",
        "https://auth.example/me",
    )
    assert provider.traits == ProviderTraits(rotates=True)


@pytest.mark.parametrize(
    ("found", "scopes", "keywords", "openid"),
    [
        (False, ["openid"], {}, True),
        (False, ["a"], {}, False),
        (True, ["a"], {}, True),
        (False, ["openid"], {"openid": False}, False),
    ],
)
def test_the_scope_openid_wants_a_nonce(found, scopes, keywords, openid):
    """Also where the document that was found is not OpenID Connect's."""
    metadata = attrs.evolve(METADATA, openid=found)
    assert metadata.provider("x", client_id="c", scopes=iter(scopes), **keywords).linking.openid is openid


def test_the_application_knows_better():
    """Keywords win over what was found."""
    traits = ProviderTraits(rotates=False)
    provider = METADATA.provider(
        "x",
        client_id="c",
        client_secret="s",
        traits=traits,
        sends_issuer=False,
        client_auth="client_secret_post",
    )
    assert provider.traits == traits
    assert not provider.linking.sends_issuer


@pytest.mark.parametrize(
    ("methods", "secret"),
    [(None, "s"), ((), "s"), (("S256",), "s"), (("S256",), None), (("plain", "S256"), None)],
)
def test_a_code_challenge_is_sent(methods, secret):
    """Also to a server that says nothing of PKCE, if the client has a secret."""
    metadata = attrs.evolve(METADATA, code_challenge_methods=methods)
    assert metadata.provider("x", client_id="c", client_secret=secret).linking.pkce


@pytest.mark.parametrize(
    ("methods", "secret"), [(("plain",), "s"), (("plain",), None), (("s256",), "s"), (None, None), ((), None)]
)
def test_codes_that_nothing_would_guard(methods, secret):
    """Only plain is an error, and so is nothing where there is no secret; the error says what to write."""
    metadata = attrs.evolve(METADATA, code_challenge_methods=methods)
    with pytest.raises(ProviderMisconfigured, match=r"authorization=AuthorizationRules\(\)") as caught:
        metadata.provider("x", client_id="c", client_secret=secret)
    assert caught.value.reason == "pkce_unsupported"
    for rules in (AuthorizationRules(), AuthorizationRules(pkce="off")):
        provider = metadata.provider("x", client_id="c", client_secret=secret, authorization=rules)
        assert provider.linking.pkce is (rules.pkce == "allowed")


def test_a_server_without_an_authorization_endpoint_needs_no_pkce():
    """The device flow has no codes that a browser carries."""
    metadata = attrs.evolve(METADATA, authorization_endpoint=None, code_challenge_methods=None)
    assert metadata.provider("x", client_id="c").linking.device


@pytest.mark.parametrize(
    ("methods", "secret", "chosen"),
    [
        (("client_secret_basic",), "s", "client_secret_basic"),
        (("client_secret_post", "client_secret_basic"), "s", "client_secret_post"),
        (("client_secret_basic", "client_secret_post"), "s", "client_secret_post"),
        (("private_key_jwt", "client_secret_post"), "s", "client_secret_post"),
        (("none", "client_secret_basic"), "s", "client_secret_basic"),
        (("client_secret_basic",), None, "none"),
    ],
)
def test_the_way_of_authenticating(methods, secret, chosen):
    """In the body where the server lists that, whatever comes first; without a secret none."""
    assert attrs.evolve(METADATA, client_auth_methods=methods).choose_client_auth(secret) == chosen


def test_a_secret_that_cannot_be_sent():
    """A server that lists no way of sending a secret is no provider until the application says how."""
    metadata = attrs.evolve(METADATA, client_auth_methods=("private_key_jwt",))
    with pytest.raises(ProviderMisconfigured) as caught:
        metadata.provider("x", client_id="c", client_secret="hush")
    assert caught.value.reason == "client_auth_unsupported"
    assert metadata.provider("x", client_id="c", client_secret="s", client_auth="client_secret_basic")


def test_the_authorization_url():
    """Users are sent to the endpoint that was found, with a challenge."""
    provider = METADATA.provider("x", client_id="c", scopes=["a"])
    request = AuthorizationRequest(redirect_uri="https://app.example/cb", state="st", code_challenge="ch")
    url = urlsplit(provider.authorization_url(request))
    assert f"{url.scheme}://{url.netloc}{url.path}" == METADATA.authorization_endpoint
    assert parse_qs(url.query)["code_challenge"] == ["ch"]


async def test_userinfo_is_for_those_who_asked_for_openid(site):
    """Who is known not to have would be answered 403, and is not shown. They may still ask later."""
    site.publish("/userinfo", {"sub": "248289761001"})
    metadata = attrs.evolve(METADATA, userinfo_endpoint=f"{site.url}/userinfo")
    provider = metadata.provider("any", client_id="app", scopes=["wiki:read"])

    assert await provider.identify(TokenSet("at-1", scopes=frozenset({"wiki:read"}))) is None
    assert site.asked == []
    account = Account("248289761001")
    assert await provider.identify(TokenSet("at-1", scopes=frozenset({"wiki:read", "openid"}))) == account
    assert await provider.identify(TokenSet("at-1")) == account


async def test_userinfo_says_whether_an_access_token_is_accepted(site):
    """A discovered server needs no rules of its own for that."""
    site.publish("/userinfo", {"sub": "248289761001"})
    metadata = attrs.evolve(METADATA, userinfo_endpoint=f"{site.url}/userinfo")
    provider = metadata.provider("any", client_id="app")

    assert await provider.validate(TokenSet("at-1")) == TokenValid(Account("248289761001"))


def test_requests_that_must_be_pushed():
    """No page could be shown to a user, who would see the server's error there (RFC 9126 section 5)."""
    metadata = attrs.evolve(METADATA, pushed_requests_only=True)
    with pytest.raises(ProviderMisconfigured, match="RFC 9126") as caught:
        metadata.provider("x", client_id="c", client_secret="s")
    assert caught.value.reason == "pushed_requests_only"
