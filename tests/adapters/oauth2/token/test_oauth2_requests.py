from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider, ReplyRules, TokenRequests
from extauth.domain.outcomes import Exchanged, GrantRejected, NotSent
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REDIRECT_URI = "https://app.example/callback?a=b c"
TOKENS = TokenSet("at-0", refresh_token="rt/0 é", scopes={"write", "read"})
PUBLIC = {"client_secret": None, "client_auth": "none"}


class FixedClock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW


def provider(token_url: str, **options: Any) -> OAuth2Provider:
    """Return a client that authenticates in the body."""
    options = {"client_id": "client", "client_secret": "s", "client_auth": "client_secret_post", **options}
    return OAuth2Provider("example", token_url=token_url, clock=FixedClock(), **options)


async def code_body(server: Any, *, resources: tuple[str, ...] = (), **options: Any) -> str:
    """Exchange a code and return the body that was sent."""
    server.answer(200, b'{"access_token": "at-1"}')
    await provider(server.url, **options).exchange_code(
        "code-1", redirect_uri=REDIRECT_URI, code_verifier="verifier-1", resources=resources
    )
    body: str = server.requests[-1].body
    return body


async def refresh_body(server: Any, tokens: TokenSet = TOKENS, **options: Any) -> str:
    """Refresh and return the body that was sent."""
    server.answer(200, b'{"access_token": "at-1"}')
    await provider(server.url, **options).refresh(tokens)
    body: str = server.requests[-1].body
    return body


RULES_OF_CODES = [
    (
        {},
        (
            "grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c"
            "&code_verifier=verifier-1&client_id=client&client_secret=s"
        ),
    ),
    (
        {"requests": TokenRequests(code_params={"expiring": "1", "a": "b"})},
        (
            "grant_type=authorization_code&expiring=1&a=b&code=code-1"
            "&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c"
            "&code_verifier=verifier-1&client_id=client&client_secret=s"
        ),
    ),
    (
        {"requests": TokenRequests(client_id_field="client_key"), **PUBLIC},
        (
            "grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c"
            "&code_verifier=verifier-1&client_key=client"
        ),
    ),
    (
        {"requests": TokenRequests(code_grant="urn:x:jwt-bearer", code_field="assertion"), **PUBLIC},
        (
            "grant_type=urn%3Ax%3Ajwt-bearer&assertion=code-1"
            "&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c&code_verifier=verifier-1&client_id=client"
        ),
    ),
    (
        {"resources": ("https://a.example", "https://b.example"), **PUBLIC},
        (
            "grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c"
            "&code_verifier=verifier-1&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example"
            "&client_id=client"
        ),
    ),
    (
        {
            "resources": ("api-2",),
            "requests": TokenRequests(code_params={"audience": "api-1"}),
            "authorization": AuthorizationRules(resource_param="audience"),
            **PUBLIC,
        },
        (
            "grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c"
            "&code_verifier=verifier-1&audience=api-2&client_id=client"
        ),
    ),
    (
        {"requests": TokenRequests(encoding="json", code_params={"é": "ü"})},
        (
            '{"grant_type":"authorization_code","é":"ü","code":"code-1",'
            '"redirect_uri":"https://app.example/callback?a=b c","code_verifier":"verifier-1",'
            '"client_id":"client","client_secret":"s"}'
        ),
    ),
    (
        {"requests": TokenRequests(encoding="json"), "resources": ("r-1", "r-2", "r-3"), **PUBLIC},
        (
            '{"grant_type":"authorization_code","code":"code-1",'
            '"redirect_uri":"https://app.example/callback?a=b c","code_verifier":"verifier-1",'
            '"resource":["r-1","r-2","r-3"],"client_id":"client"}'
        ),
    ),
]


@pytest.mark.parametrize(("options", "expected"), RULES_OF_CODES)
async def test_a_code_is_exchanged_byte_for_byte_as_the_rules_say(
    server: Any, options: dict[str, Any], expected: str
) -> None:
    """The grant, the parameters, the code, what it is bound to, the resources, the client: in this order."""
    assert expected == await code_body(server, **options)


RULES_OF_REFRESHES = [
    ({}, "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9&client_id=client&client_secret=s"),
    (
        {"requests": TokenRequests(refresh_params={"resource": "r", "expires_in": "60"}), **PUBLIC},
        "grant_type=refresh_token&resource=r&expires_in=60&refresh_token=rt%2F0+%C3%A9&client_id=client",
    ),
    (
        {"requests": TokenRequests(refresh_grant="fb_exchange_token", refresh_field="fb_exchange_token")},
        "grant_type=fb_exchange_token&fb_exchange_token=rt%2F0+%C3%A9&client_id=client&client_secret=s",
    ),
    (
        {"requests": TokenRequests(refresh_repeats=frozenset({"redirect_uri", "scope"})), **PUBLIC},
        "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9&scope=read+write&client_id=client",
    ),
    (
        {
            "requests": TokenRequests(refresh_repeats=frozenset({"scope"})),
            "scopes": ["write", "read"],
            "authorization": AuthorizationRules(scope_separator=",", extra_scopes=("offline",)),
            **PUBLIC,
        },
        "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9&scope=write%2Cread%2Coffline&client_id=client",
    ),
    (
        {
            "requests": TokenRequests(refresh_repeats=frozenset({"scope"})),
            "authorization": AuthorizationRules(scope_param=None),
            **PUBLIC,
        },
        "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9&client_id=client",
    ),
    (
        {"requests": TokenRequests(encoding="json")},
        '{"grant_type":"refresh_token","refresh_token":"rt/0 é","client_id":"client","client_secret":"s"}',
    ),
]


@pytest.mark.parametrize(("options", "expected"), RULES_OF_REFRESHES)
async def test_a_token_is_refreshed_byte_for_byte_as_the_rules_say(
    server: Any, options: dict[str, Any], expected: str
) -> None:
    """The grant, the parameters, the refresh token, what is repeated, the client: in this order."""
    assert expected == await refresh_body(server, **options)


async def test_scopes_that_were_never_named_are_repeated_as_they_were_asked_for(server: Any) -> None:
    """RFC 6749 section 5.1: a provider that names none has granted what was asked."""
    requests = TokenRequests(refresh_repeats=frozenset({"scope"}))
    tokens = TokenSet("at-0", refresh_token="rt-0")

    body = await refresh_body(server, tokens, requests=requests, scopes=["b", "a"], **PUBLIC)

    assert body == "grant_type=refresh_token&refresh_token=rt-0&scope=b+a&client_id=client"


async def test_the_redirect_uri_is_remembered_from_the_code_to_each_refresh(server: Any) -> None:
    """GitLab and Yahoo want the same again; every refresh carries it on, and so do companions."""
    rules = ReplyRules(companions={"user": ("authed_user",)}, extra_fields={"team"})
    requests = TokenRequests(refresh_repeats=frozenset({"redirect_uri"}))
    client = provider(server.url, requests=requests, replies=rules, **PUBLIC)
    server.answer(
        200,
        b'{"access_token": "at-1", "refresh_token": "rt-1", "team": 1, "authed_user": {"access_token": "u"}}',
    )
    server.answer(200, b'{"access_token": "at-2"}')

    first = await client.exchange_code("code-1", redirect_uri=REDIRECT_URI)
    assert isinstance(first, Exchanged)
    second = await client.refresh(first.tokens)

    assert isinstance(second, Exchanged)
    assert first.tokens.extra == {"redirect_uri": REDIRECT_URI, "team": 1}
    assert first.companions["user"].extra == first.tokens.extra
    assert second.tokens.succeeding(first.tokens).extra == first.tokens.extra
    assert server.requests[1].body == (
        "grant_type=refresh_token&refresh_token=rt-1"
        "&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db+c&client_id=client"
    )


async def test_a_rejected_code_leaves_nothing_to_remember(server: Any) -> None:
    """Where refreshes repeat the redirect URI, a code may be refused all the same."""
    server.answer(400, b'{"error": "invalid_grant"}')
    requests = TokenRequests(refresh_repeats=frozenset({"redirect_uri"}))

    outcome = await provider(server.url, requests=requests).exchange_code("code-1", redirect_uri=REDIRECT_URI)

    assert GrantRejected("invalid_grant") == outcome


async def test_what_was_remembered_is_not_repeated_where_the_rules_do_not_say_so(server: Any) -> None:
    """A provider may have kept a member of that name itself, and a preset may change."""
    tokens = TokenSet("at-0", refresh_token="rt-0", extra={"redirect_uri": REDIRECT_URI})
    repeating = TokenRequests(refresh_repeats=frozenset({"redirect_uri"}))
    odd = TokenSet("at-0", refresh_token="rt-0", extra={"redirect_uri": 17})
    plain = "grant_type=refresh_token&refresh_token=rt-0&client_id=client"

    assert plain == await refresh_body(server, tokens, **PUBLIC)
    assert plain == await refresh_body(server, odd, requests=repeating, **PUBLIC)


async def test_the_redirect_uri_is_not_kept_where_no_refresh_repeats_it(server: Any) -> None:
    """Nothing is stored that nothing needs."""
    server.answer(200, b'{"access_token": "at-1"}')

    outcome = await provider(server.url).exchange_code("code-1", redirect_uri=REDIRECT_URI)

    assert Exchanged(TokenSet("at-1", issued_at=NOW)) == outcome


async def test_refreshes_have_an_endpoint_of_their_own_where_the_rules_say_so(server: Any) -> None:
    """Figma and TikTok: codes still go to the token endpoint, and the grant's origin is that one."""
    server.answer(200, b'{"access_token": "at-1"}')
    client = provider(server.url, requests=TokenRequests(refresh_url=f"{server.url}/refresh"))

    await client.exchange_code("code-1", redirect_uri=REDIRECT_URI)
    await client.refresh(TOKENS)

    assert [request.line for request in server.requests] == [
        "POST /token HTTP/1.1",
        "POST /token/refresh HTTP/1.1",
    ]
    assert client.origin.token_endpoint == server.url


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [("form", "application/x-www-form-urlencoded"), ("json", "application/json")],
)
async def test_further_headers_and_the_content_type_are_sent(
    server: Any, encoding: Any, content_type: str
) -> None:
    """An API version goes along, beside what authenticates the client."""
    requests = TokenRequests(encoding=encoding, headers={"X-Version": "2022-06-28", "User-Agent": "app/1"})

    await refresh_body(server, requests=requests, client_auth="client_secret_basic")

    headers = server.requests[0].headers
    assert headers["content-type"] == content_type
    assert headers["x-version"] == "2022-06-28"
    assert headers["user-agent"] == "app/1"
    assert headers["accept"] == "application/json"
    assert headers["authorization"] == "Basic Y2xpZW50OnM="
    assert "client_id" not in server.requests[0].body


async def test_a_refresh_for_a_resource_names_it(server: Any) -> None:
    """RFC 8707 section 2.2; a resource that the rules name is replaced."""
    server.answer(200, b'{"access_token": "at-1", "expires_in": 60}')
    requests = TokenRequests(refresh_params={"resource": "https://other.example"})

    outcome = await provider(server.url, requests=requests, **PUBLIC).refresh(
        TOKENS, resource="https://api.example/v1"
    )

    assert isinstance(outcome, Exchanged)
    assert outcome.tokens.access_token == "at-1"
    assert server.requests[0].body == (
        "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9&resource=https%3A%2F%2Fapi.example%2Fv1"
        "&client_id=client"
    )


async def test_a_refresh_for_a_resource_needs_both(server: Any) -> None:
    """Neither an empty resource nor a missing refresh token is ever sent."""
    client = provider(server.url)

    with pytest.raises(ValueError, match="resource must not be empty"):
        await client.refresh(TOKENS, resource="")
    with pytest.raises(ValueError, match="there is no refresh token"):
        await client.refresh(TokenSet("at-0"), resource="https://api.example")
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resources": ("",)}, "resources must not be empty"),
        ({"resources": ("\0",)}, "resources must not contain a NUL"),
        ({"nonce": ""}, "nonce must not be empty"),
    ],
)
async def test_a_code_with_odd_company_is_refused(options: dict[str, Any], message: str) -> None:
    """A nonce that is empty would check nothing."""
    with pytest.raises(ValueError, match=message):
        await provider("https://provider.example/token").exchange_code(
            "code-1", redirect_uri=REDIRECT_URI, **options
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "xml"}, "encoding"),
        ({"client_id_field": ""}, "client_id_field must not be empty"),
        ({"code_grant": ""}, "code_grant must not be empty"),
        ({"code_field": ""}, "code_field must not be empty"),
        ({"refresh_grant": ""}, "refresh_grant must not be empty"),
        ({"refresh_field": ""}, "refresh_field must not be empty"),
        ({"refresh_repeats": {"state"}}, "refresh_repeats: state cannot be repeated"),
        ({"code_params": {"code": "c"}}, "code_params must not set code"),
        ({"code_params": {"redirect_uri": "u"}}, "code_params must not set redirect_uri"),
        ({"code_params": {"code_verifier": "v"}}, "code_params must not set code_verifier"),
        ({"code_params": {"client_secret": "hidden"}}, "code_params must not set client_secret"),
        ({"code_params": {"key": "k"}, "client_id_field": "key"}, "code_params must not set key"),
        ({"refresh_params": {"refresh_token": "hidden"}}, "refresh_params must not set refresh_token"),
        ({"refresh_params": {"grant_type": "g"}}, "refresh_params must not set grant_type"),
        ({"refresh_params": {"client_assertion": "hidden"}}, "refresh_params must not set client_assertion"),
        (
            {"refresh_params": {"scope": "s"}, "refresh_repeats": {"scope"}},
            "refresh_params must not set scope",
        ),
        ({"refresh_params": {"resource": "\0"}}, "refresh_params.* must not contain a NUL"),
        ({"headers": {"authorization": "hidden"}}, "headers must not set authorization"),
        ({"headers": {"Content-Type": "text/plain"}}, "headers must not set Content-Type"),
        ({"headers": {"X-Version": "1\r\nX-Other: hidden"}}, "headers must be printable ASCII"),
        ({"headers": {"X Version": "1"}}, "headers must be printable ASCII"),
        ({"headers": {"X-Version": "é"}}, "headers must be printable ASCII"),
    ],
)
def test_bad_rules_are_refused(options: dict[str, Any], message: str) -> None:
    """A mistake in a preset is a ValueError when it is made, and repeats no secret."""
    with pytest.raises(ValueError, match=message) as refused:
        TokenRequests(**options)

    assert "hidden" not in str(refused.value)


def test_a_refresh_url_that_secrets_must_not_go_to_is_refused() -> None:
    """It is an endpoint like the others."""
    requests = TokenRequests(refresh_url="http://provider.example/refresh")

    with pytest.raises(ValueError, match="refresh_url must start with https://"):
        provider("https://provider.example/token", requests=requests)


async def test_a_code_that_was_not_sent_is_told(unused_tcp_port: int) -> None:
    """The network is no error of the caller's, and nothing is judged that never came."""
    client = provider(f"http://127.0.0.1:{unused_tcp_port}/token")

    assert NotSent("connect_failed") == await client.exchange_code("code-1", redirect_uri=REDIRECT_URI)
