from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider, TokenRequests
from extauth.domain.linking import AuthorizationRequest

BASE = "https://provider.example/authorize"


def url(
    *, endpoint: str | None = BASE, rules: dict[str, Any] | None = None, options: Any = None, **asked: Any
) -> str:
    """Return the URL of a request by a client with these rules."""
    client = OAuth2Provider(
        "example",
        client_id="client",
        client_secret="s",
        token_url="https://provider.example/token",
        authorize_url=endpoint,
        authorization=AuthorizationRules(**(rules or {})),
        **(options or {}),
    )
    return client.authorization_url(
        AuthorizationRequest(redirect_uri="https://app.example/cb", state="st-1", **asked)
    )


def query(**parts: Any) -> str:
    """Return what follows the endpoint."""
    return url(**parts).removeprefix(f"{BASE}?")


HEAD = "response_type=code&client_id=client&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, f"{HEAD}&state=st-1"),
        ({"scopes": frozenset({"write", "read"})}, f"{HEAD}&scope=read%20write&state=st-1"),
        # The provider's order first, what is asked for in any case last, nothing twice.
        (
            {
                "options": {"scopes": ["openid", "email"]},
                "scopes": frozenset({"a", "email", "openid", "offline"}),
                "rules": {"extra_scopes": ("offline", "z")},
            },
            f"{HEAD}&scope=openid%20email%20a%20offline%20z&state=st-1",
        ),
        ({"options": {"scopes": ["b", "a"]}}, f"{HEAD}&scope=b%20a&state=st-1"),
        (
            {"scopes": frozenset({"a", "b"}), "rules": {"scope_separator": ",", "scope_param": "user_scope"}},
            f"{HEAD}&user_scope=a%2Cb&state=st-1",
        ),
        (
            {"scopes": frozenset({"a"}), "rules": {"scope_param": None, "extra_scopes": ("b",)}},
            f"{HEAD}&state=st-1",
        ),
        (
            {"code_challenge": "ch-1", "nonce": "n/1"},
            f"{HEAD}&state=st-1&code_challenge=ch-1&code_challenge_method=S256&nonce=n%2F1",
        ),
        (
            {"resources": ("https://a.example", "b"), "params": {"login_hint": "é +"}},
            f"{HEAD}&state=st-1&resource=https%3A%2F%2Fa.example&resource=b&login_hint=%C3%A9%20%2B",
        ),
        (
            {
                "resources": ("b",),
                "rules": {"resource_param": "audience", "params": {"audience": "a", "x": "y"}},
            },
            f"{HEAD}&state=st-1&audience=b&x=y",
        ),
        (
            {
                "rules": {
                    "params": {"prompt": "consent", "response_type": "Assertion", "response_mode": "query"}
                }
            },
            f"{HEAD.replace('=code', '=Assertion')}&state=st-1&prompt=consent&response_mode=query",
        ),
        (
            {
                "rules": {"params": {"prompt": "consent", "a": "1"}, "incremental_params": {"keep": "true"}},
                "params": {"prompt": "none", "b": "2"},
            },
            f"{HEAD}&state=st-1&prompt=none&a=1&b=2",
        ),
        (
            {
                "rules": {"params": {"a": "1"}, "incremental_params": {"keep": "true"}},
                "params": {"b": "2"},
                "incremental": True,
            },
            f"{HEAD}&state=st-1&a=1&keep=true&b=2",
        ),
        (
            {"options": {"requests": TokenRequests(client_id_field="client_key")}},
            f"{HEAD.replace('client_id', 'client_key')}&state=st-1",
        ),
    ],
)
def test_the_url_says_what_the_rules_say(parts: dict[str, Any], expected: str) -> None:
    """RFC 6749 section 4.1.1, byte for byte, in a documented order and with %20 for a space."""
    assert expected == query(**parts)


@pytest.mark.parametrize(
    ("endpoint", "start"),
    [
        (f"{BASE}?tenant=a%20b&c", f"{BASE}?tenant=a%20b&c&response_type=code&"),
        (f"{BASE}?tenant=a&", f"{BASE}?tenant=a&response_type=code&"),
        (f"{BASE}?", f"{BASE}?response_type=code&"),
    ],
)
def test_the_endpoint_s_own_query_stays(endpoint: str, start: str) -> None:
    """RFC 6749 section 3.1: it is kept as it is."""
    assert url(endpoint=endpoint).startswith(start)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("client_id", {}),
        ("client_key", {"options": {"requests": TokenRequests(client_id_field="client_key")}}),
        ("redirect_uri", {}),
        ("state", {}),
        ("code_challenge", {}),
        ("code_challenge_method", {}),
        ("nonce", {}),
        ("response_type", {}),
        ("response_mode", {}),
        ("scope", {}),
        ("user_scope", {"rules": {"scope_param": "user_scope"}}),
        ("resource", {"resources": ("https://api.example",)}),
    ],
)
def test_a_request_s_params_set_nothing_that_is_not_theirs(name: str, asked: dict[str, Any]) -> None:
    """What ties a callback to its request comes from one place."""
    with pytest.raises(ValueError, match=f"params must not set {name}"):
        url(params={name: "hidden", "login_hint": "me"}, **asked)


def test_a_request_may_name_a_resource_by_itself() -> None:
    """Auth0's audience, where the application asks for no resource by RFC 8707."""
    assert query(params={"resource": "r"}) == f"{HEAD}&state=st-1&resource=r"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "code_challenge", "nonce"])
@pytest.mark.parametrize("where", ["params", "incremental_params"])
def test_a_preset_s_params_cannot_either(name: str, where: str) -> None:
    """A preset with a fixed state would be forgeable."""
    fixed: dict[str, Any] = {where: {name: "fixed"}}

    with pytest.raises(ValueError, match=f"{where} must not set {name}"):
        AuthorizationRules(**fixed)


def test_no_parameter_comes_twice() -> None:
    """RFC 6749 section 3.1: a URL that has one already cannot be used."""
    with pytest.raises(ValueError, match="must not set state"):
        url(endpoint=f"{BASE}?state=")


@pytest.mark.parametrize(
    "name",
    ["request", "request_uri", "registration", "redirect_uri", "response_mode", "nonce", "Request_URI"],
)
def test_the_endpoints_query_sets_nothing_of_the_request(name: str) -> None:
    """A document that was discovered may say where the endpoint is, and not what it is asked."""
    with pytest.raises(ValueError, match=f"the query of authorize_url must not set {name}"):
        url(endpoint=f"{BASE}?a=1&{name}=x")
    with pytest.raises(ValueError, match=f"must not set {name}"):
        url(params={name: "x"})


@pytest.mark.parametrize("name", ["request", "request_uri", "registration", "REQUEST.URI"])
def test_rules_hold_no_request_object(name: str) -> None:
    """It would take the place of what ties the callback to its request."""
    for field in ("params", "incremental_params"):
        with pytest.raises(ValueError, match=f"{field} must not set {name}"):
            AuthorizationRules(**{field: {name: "x"}})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"endpoint": None}, "'example' has no authorize_url; give it one"),
        ({"rules": {"pkce": "required"}}, "requires a code_challenge"),
        ({"params": {"login_hint": "\ud800hidden"}}, "login_hint must be valid Unicode"),
        ({"rules": {"pkce": "maybe"}}, "pkce"),
        ({"rules": {"scope_separator": ""}}, "scope_separator must not be empty"),
    ],
)
def test_what_cannot_be_sent_is_refused(parts: dict[str, Any], message: str) -> None:
    """A ValueError says why, and repeats no value."""
    with pytest.raises(ValueError, match=message) as refused:
        url(**parts)

    assert "hidden" not in str(refused.value)


def test_a_required_challenge_is_enough() -> None:
    """A provider that requires PKCE gets it."""
    sent = parse_qs(urlsplit(url(rules={"pkce": "required"}, code_challenge="ch-1")).query)

    assert sent["code_challenge"] == ["ch-1"]
