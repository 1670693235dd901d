from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import pytest
from aiohttp import ClientSession

from extauth.adapters.oauth2 import (
    AuthorizationRules,
    OAuth2Provider,
    Reach,
    ReplyRules,
    TokenRequests,
    client_session,
)
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.domain.link import GrantOrigin
from extauth.domain.linking import LinkingTraits
from extauth.domain.outcomes import ClientRejected, Deferred, Exchanged, GrantRejected, NotSent
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet
from tests.attacks.fence import fenced

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
URL = "https://provider.example/token"
TOKENS = TokenSet("at-0", refresh_token="rt/0 é")


class FixedClock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW


def provider(token_url: str = URL, **options: Any) -> OAuth2Provider:
    """Return a client with good defaults."""
    options = {"client_id": "client", "client_secret": "hidden", "clock": FixedClock(), **options}
    return OAuth2Provider("example", token_url=token_url, **options)


async def test_refresh_sends_the_form_of_the_standard(server: Any) -> None:
    """RFC 6749 section 6, with the headers that providers ask for."""
    server.answer(200, b'{"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 60}')

    outcome = await provider(server.url + "?tenant=a").refresh(TOKENS)

    (request,) = server.requests
    assert request.line == "POST /token?tenant=a HTTP/1.1"
    assert request.body == "grant_type=refresh_token&refresh_token=rt%2F0+%C3%A9"
    assert request.headers["authorization"] == "Basic Y2xpZW50OmhpZGRlbg=="
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["user-agent"] == f"extauth/{version('extauth')}"
    expected = TokenSet("at-1", refresh_token="rt-1", expires_at=NOW + timedelta(seconds=60), issued_at=NOW)
    assert Exchanged(expected) == outcome


async def test_basic_credentials_are_form_encoded_on_the_wire(server: Any) -> None:
    """Special characters arrive as RFC 6749 section 2.3.1 says, byte for byte; a space by its code, which
    servers also read that know no plus sign for it."""
    server.answer(200, b'{"access_token": "at-1"}')

    await provider(server.url, client_id="cli:ent%", client_secret="s e+c/ré:t").refresh(TOKENS)

    expected = "Basic Y2xpJTNBZW50JTI1OnMlMjBlJTJCYyUyRnIlQzMlQTklM0F0"
    assert server.requests[0].headers["authorization"] == expected


async def test_post_credentials_are_in_the_form_only(server: Any) -> None:
    """client_secret_post has no Authorization header."""
    server.answer(200, b'{"access_token": "at-1"}')

    await provider(server.url, client_auth="client_secret_post").refresh(TOKENS)

    expected = {
        "grant_type": "refresh_token",
        "refresh_token": "rt/0 é",
        "client_id": "client",
        "client_secret": "hidden",
    }
    assert expected == server.requests[0].form
    assert "authorization" not in server.requests[0].headers


async def test_a_public_client_sends_its_id_only(server: Any) -> None:
    """Client authentication none."""
    server.answer(200, b'{"access_token": "at-1"}')

    await provider(server.url, client_secret=None, client_auth="none").refresh(TOKENS)

    expected = {"grant_type": "refresh_token", "refresh_token": "rt/0 é", "client_id": "client"}
    assert expected == server.requests[0].form
    assert "authorization" not in server.requests[0].headers


async def test_a_rejected_client_does_not_try_another_way(server: Any) -> None:
    """Credentials are sent as configured and never both ways: a second request would be a second use."""
    server.answer(401, b'{"error": "invalid_client"}')

    outcome = await provider(server.url).refresh(TOKENS)

    assert ClientRejected("invalid_client") == outcome
    assert len(server.requests) == 1
    assert server.requests[0].form.keys() == {"grant_type", "refresh_token"}


async def test_refresh_repeats_what_the_preset_asks_for(server: Any) -> None:
    """Some providers narrow or widen the scope where it is not repeated."""
    server.answer(200, b'{"access_token": "at-1"}')

    await provider(server.url, requests=TokenRequests(refresh_params={"scope": "read write"})).refresh(TOKENS)

    assert server.requests[0].form["scope"] == "read write"


async def test_refresh_takes_the_last_lifetime_where_none_is_given(server: Any) -> None:
    """The previous tokens' lifetime is the first estimate."""
    server.answer(200, b'{"access_token": "at-1"}')
    previous = TokenSet(
        "at-0", refresh_token="rt-0", issued_at=NOW - timedelta(hours=9), expires_at=NOW - timedelta(hours=1)
    )

    outcome = await provider(server.url).refresh(previous)

    assert isinstance(outcome, Exchanged)
    assert NOW + timedelta(hours=8) == outcome.tokens.expires_at
    assert outcome.tokens.refresh_token is None


async def test_the_machine_s_clock_is_the_default(server: Any) -> None:
    """Without a clock, expiry counts from the time of day, in UTC."""
    server.answer(200, b'{"access_token": "at-1"}')
    client = OAuth2Provider("example", client_id="client", client_secret="s", token_url=server.url)
    before = datetime.now(UTC)

    outcome = await client.refresh(TOKENS)

    assert isinstance(outcome, Exchanged)
    assert outcome.tokens.issued_at is not None
    assert before <= outcome.tokens.issued_at <= datetime.now(UTC)


async def test_the_rules_of_the_preset_judge(server: Any) -> None:
    """What GitHub calls a dead token, with status 200 and a form for an answer."""
    server.answer(200, b"error=bad_refresh_token", Content_Type="application/x-www-form-urlencoded")
    rules = ReplyRules(dead_codes={"bad_refresh_token"})

    outcome = await provider(server.url, replies=rules).refresh(TOKENS)

    assert GrantRejected("bad_refresh_token") == outcome


async def test_retry_after_arrives(server: Any) -> None:
    """The header is read from the wire, whatever its case."""
    server.answer(429, b"{}", RETRY_AFTER="7")

    assert Deferred("http_429", timedelta(seconds=7)) == await provider(server.url).refresh(TOKENS)


async def test_an_exchange_of_a_code_sends_the_form_of_the_standard(server: Any) -> None:
    """RFC 6749 section 4.1.3 with the verifier of RFC 7636 section 4.5."""
    server.answer(200, b'{"access_token": "at-1"}')

    outcome = await provider(server.url).exchange_code(
        "code-1", redirect_uri="https://app.example/callback", code_verifier="verifier-1"
    )

    expected = {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "https://app.example/callback",
        "code_verifier": "verifier-1",
    }
    assert expected == server.requests[0].form
    assert Exchanged(TokenSet("at-1", issued_at=NOW)) == outcome


async def test_an_exchange_without_pkce_has_no_verifier(server: Any) -> None:
    """Without a verifier the field is left out."""
    server.answer(400, b'{"error": "invalid_grant"}')

    outcome = await provider(server.url).exchange_code("code-1", redirect_uri="https://app.example/cb")

    assert {"grant_type", "code", "redirect_uri"} == server.requests[0].form.keys()
    assert GrantRejected("invalid_grant") == outcome


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (TokenSet("at-0", refresh_token="rt-0"), {"token": "rt-0", "token_type_hint": "refresh_token"}),
        (TokenSet("at-0"), {"token": "at-0", "token_type_hint": "access_token"}),
    ],
)
async def test_revoke_names_the_token_that_ends_the_grant(
    server: Any, tokens: TokenSet, expected: dict[str, str]
) -> None:
    """RFC 7009 section 2.1: the refresh token if there is one, authenticated as ever."""
    server.answer(200, b"")

    assert await provider(revoke_url=server.url).revoke(tokens) is True
    assert expected == server.requests[0].form
    assert server.requests[0].headers["authorization"] == "Basic Y2xpZW50OmhpZGRlbg=="


@pytest.mark.parametrize("status", [202, 302, 400, 401, 503])
async def test_revoke_is_confirmed_by_200_and_204_alone(server: Any, status: int) -> None:
    """RFC 7009 section 2.2 has the first; a success that comes without content is one, too."""
    server.answer(status, b"")

    assert await provider(revoke_url=server.url).revoke(TOKENS) is False


async def test_revoke_is_best_effort(unused_tcp_port: int) -> None:
    """No endpoint and no server are no errors."""
    assert await provider().revoke(TOKENS) is False
    assert await provider(revoke_url=f"http://127.0.0.1:{unused_tcp_port}/").revoke(TOKENS) is False


async def test_refresh_needs_a_refresh_token() -> None:
    """To ask for it is a mistake of the caller's."""
    with pytest.raises(ValueError, match="there is no refresh token"):
        await provider().refresh(TokenSet("at-0"))


@pytest.mark.parametrize(
    ("code", "options", "message"),
    [
        ("", {"redirect_uri": "https://app.example/"}, "code must not be empty"),
        ("\ud800hidden", {"redirect_uri": "https://app.example/"}, "code must be valid Unicode"),
        ("code", {"redirect_uri": ""}, "redirect_uri must not be empty"),
        ("code", {"redirect_uri": "https://a/", "code_verifier": ""}, "code_verifier must not be empty"),
    ],
)
async def test_a_code_that_cannot_be_sent_is_refused(
    code: str, options: dict[str, Any], message: str
) -> None:
    """The code comes from the user's browser, which may send anything; the error does not repeat it."""
    with pytest.raises(ValueError, match=message) as refused:
        await provider().exchange_code(code, **options)

    assert "hidden" not in str(refused.value)


def test_it_says_what_it_is() -> None:
    """The properties of the port, and what linking needs."""
    traits = ProviderTraits(rotates=False)
    made = provider(
        authorize_url="https://provider.example/authorize",
        device_url="https://provider.example/device",
        userinfo_url="https://provider.example/me",
        scopes=["b", "a"],
        traits=traits,
    )

    assert made.provider_id == "example"
    assert made.client_id == "client"
    assert made.traits is traits
    assert GrantOrigin("client", "https://provider.example/token") == made.origin
    assert made.authorize_url == "https://provider.example/authorize"
    assert made.device_url == "https://provider.example/device"
    assert made.userinfo_url == "https://provider.example/me"
    assert made.scopes == ("b", "a")
    assert repr(made) == "OAuth2Provider('example', client_id='client')"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"client_id": ""}, "client_id must not be empty"),
        ({"client_auth": "magic"}, "client_auth must be one of"),
        ({"client_secret": None}, "needs a client_secret"),
        ({"client_auth": "none"}, "sends no client_secret"),
        ({"token_url": "http://provider.example/token"}, "token_url must start with https://"),
        ({"authorize_url": "http://provider.example/"}, "authorize_url must start with https://"),
        ({"revoke_url": "http://provider.example/"}, "revoke_url must start with https://"),
        ({"device_url": "http://provider.example/"}, "device_url must start with https://"),
        ({"userinfo_url": "http://provider.example/"}, "userinfo_url must start with https://"),
        ({"scopes": "read write"}, "scopes must be a collection"),
        ({"scopes": ["\ud800"]}, "scopes must be valid Unicode"),
    ],
)
def test_bad_configuration_is_refused(options: dict[str, Any], message: str) -> None:
    """A mistake shows when the provider is made, not at three in the morning."""
    with pytest.raises(ValueError, match=message):
        provider(**options)


@pytest.mark.parametrize("provider_id", ["", "x" * 256])
def test_a_bad_provider_id_is_refused(provider_id: str) -> None:
    """It is the first part of every link's key."""
    with pytest.raises(ValueError, match="provider_id must have 1 to 255 characters"):
        OAuth2Provider(provider_id, client_id="c", client_secret="s", token_url="https://p.example/")


async def test_an_application_s_session_is_used_and_left_open(server: Any) -> None:
    """Its connection pool serves the exchange; its defaults do not change what is sent."""
    server.answer(200, b'{"access_token": "at-1"}')
    defaults = {"Accept": "text/html", "Content-Type": "text/plain", "User-Agent": "app", "X-App": "1"}
    async with client_session(reach="loopback", headers=defaults) as session:
        client = provider(server.url, session=session)

        first, second = await client.refresh(TOKENS), await client.refresh(TOKENS)

        assert not session.closed
    assert isinstance(first, Exchanged)
    assert isinstance(second, Exchanged)
    assert server.connections == 1
    assert server.requests[0].headers["accept"] == "application/json"
    assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert server.requests[0].headers["user-agent"].startswith("extauth/")
    assert server.requests[0].headers["x-app"] == "1"


async def test_a_session_that_is_not_fit_is_refused() -> None:
    """It would keep cookies, or connect further than was said."""
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="session keeps cookies"):
            provider(session=session)
    async with client_session(reach="any") as session:
        with pytest.raises(ValueError, match="connects to any address"):
            provider(session=session, reach="loopback")


@pytest.mark.parametrize(
    ("reach", "sends"), [(None, True), ("public", False), ("loopback", True), ("any", True)]
)
async def test_where_requests_may_go(server: Any, reach: Reach | None, sends: bool) -> None:
    """By default where the application wrote, whatever address that has; a word narrows it."""
    server.conversation = no_tls
    with fenced() as fence:
        fence.names["inside.example"] = ["127.0.0.1"]
        client = provider(f"https://inside.example:{server.port}/token", reach=reach)
        outcome = await client.refresh(TOKENS)

    assert outcome == (NotSent("tls_failed") if sends else ClientRejected("address_not_allowed"))
    assert server.connections == sends


@pytest.mark.parametrize(
    ("token_url", "reach", "sends"),
    [
        ("https://provider.example/token", None, False),
        ("https://provider.example/token", "any", True),
        ("http://127.0.0.1:1/token", None, True),
        ("http://127.0.0.1:1/token", "public", False),
    ],
)
async def test_where_an_answer_may_lead(
    server: Any, token_url: str, reach: Reach | None, sends: bool
) -> None:
    """To this machine only if the application's own server is there, or it said so."""
    server.answer(200, b'{"sub": "alice-there"}')
    site = server.url.removesuffix("/token")
    client = provider(
        token_url, reach=reach, identity=IdentityRules(call=Call(url="{extra[instance_url]}/userinfo"))
    )

    await client.identify(TokenSet("at", extra={"instance_url": site}))

    assert len(server.requests) == sends


async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a TLS handshake with what is none."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await reader.read(-1)


async def test_a_closed_session_sends_nothing(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An exchange that comes too late has not been sent, and the log tells why without secrets."""
    session = client_session()
    await session.close()

    outcome = await provider(server.url, session=session).refresh(TOKENS)

    assert NotSent("request_failed") == outcome
    assert caplog.messages == ["a request to a provider failed with RuntimeError"]


@pytest.mark.parametrize(
    ("rule", "confidential", "public"),
    [("allowed", True, True), ("required", True, True), ("public_only", False, True), ("off", False, False)],
)
def test_a_code_challenge_is_for_those_whom_the_rules_name(
    rule: Any, *, confidential: bool, public: bool
) -> None:
    """Where only public clients may send one, a confidential client does not."""
    rules = AuthorizationRules(pkce=rule)

    assert provider(authorization=rules).linking.pkce is confidential
    made = provider(authorization=rules, client_secret=None, client_auth="none")
    assert made.linking.pkce is public


def test_it_says_what_its_linking_flow_is_like() -> None:
    """All that the linking service needs to know beforehand."""
    made = provider(
        device_url="https://provider.example/device",
        scopes=["b", "a"],
        openid=True,
        issuer="https://issuer.example",
        sends_issuer=True,
        callback_method="POST",
        callback_fields=["realmId"],
        replies=ReplyRules(companions={"user": ("authed_user",)}),
    )

    expected = LinkingTraits(
        scopes=("b", "a"),
        pkce=True,
        openid=True,
        issuer="https://issuer.example",
        sends_issuer=True,
        callback_method="POST",
        callback_fields=frozenset({"realmId"}),
        companions=("user",),
        device=True,
    )
    assert expected == made.linking
    assert LinkingTraits() == provider().linking


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sends_issuer": True}, "sends_issuer needs the issuer"),
        ({"issuer": "http://issuer.example"}, "issuer must start with https://"),
        ({"callback_fields": "realmId"}, "must be a collection"),
    ],
)
def test_bad_linking_is_refused(options: dict[str, Any], message: str) -> None:
    """An issuer that is not compared with anything would check nothing."""
    with pytest.raises(ValueError, match=message):
        provider(**options)


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("{extra[shop]}/me", True),
        ("{extra[shop][url]}/me", True),
        ("https://{extra[shop]}/me", True),
        ("https://{extra[team]}.{extra[shop]}.example/me", True),
        ("{extra[team]}.{extra[shop]}.example/me", True),
        ("{extra[team]}/{extra[shop]}", False),
        ("https://provider.example/{extra[shop]}/me", False),
        ("https://provider.example?shop={extra[shop]}", False),
        ("https://{extra[team]}.example/me", False),
    ],
)
def test_no_token_goes_to_a_host_that_a_browser_named(url: str, led: bool) -> None:
    """What a callback says can be forged; beside the token in its path or query it may stand."""
    call = Call(url=url)
    everywhere: list[dict[str, Any]] = [
        {"identity": IdentityRules(call=call)},
        {"validation": ValidationRules(call=call)},
        {"revocation": Revocation(call=call)},
        {"installations": InstallationRules(call=call)},
    ]
    for options in everywhere:
        if led:
            with pytest.raises(ValueError, match="callback_fields"):
                provider(callback_fields=["shop"], **options)
        else:
            provider(callback_fields=["shop"], **options)
