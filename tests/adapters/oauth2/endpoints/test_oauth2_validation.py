from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.http.reply import Reply
from extauth.domain.link import Account
from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid, Validity
from extauth.domain.token_set import TokenSet
from tests.support.provider_calls import NOW, MovingClock, provider_calls

CALL = Call(url="https://provider.example/me")
TOKENS = TokenSet("at-0", refresh_token="rt-0", issued_at=NOW - timedelta(hours=1))
NEW = TokenSet("at-0", issued_at=NOW - timedelta(seconds=1))
MINUTE = timedelta(minutes=1)


def verdict(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None, **rules: Any
) -> Validity:
    """Return what an answer means."""
    return ValidationRules(call=CALL, **rules).verdict(Reply(status, headers or {}, body), NOW)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, TokenValid()),
        (204, {}, TokenValid()),
        (200, {"x-ratelimit-remaining": "0"}, TokenValid()),
        (401, {}, TokenInvalid()),
        (401, {"x-ratelimit-remaining": "0"}, TokenInvalid()),
        (403, {}, TokenUnverified("http_403")),
        (403, {"x-ratelimit-remaining": "17"}, TokenUnverified("http_403")),
        (
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 60)},
            TokenUnverified("rate_limited", MINUTE),
        ),
        (403, {"retry-after": "60"}, TokenUnverified("rate_limited", MINUTE)),
        (429, {"retry-after": "60"}, TokenUnverified("rate_limited", MINUTE)),
        (429, {}, TokenUnverified("rate_limited")),
        (400, {}, TokenUnverified("http_400")),
        (404, {}, TokenUnverified("http_404")),
        (302, {}, TokenUnverified("http_302")),
        (500, {}, TokenUnverified("http_500")),
        (503, {"retry-after": "60"}, TokenUnverified("http_503", MINUTE)),
    ],
)
def test_the_status_says_whether_a_token_is_accepted(
    status: int, headers: dict[str, str], expected: Validity
) -> None:
    """200 and 401 settle it; a rate limit and all else do not."""
    assert verdict(status, headers=headers) == expected


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (403, {}, TokenInvalid()),
        (404, {}, TokenInvalid()),
        (401, {}, TokenInvalid()),
        (403, {"retry-after": "60"}, TokenUnverified("rate_limited", MINUTE)),
        (500, {}, TokenUnverified("http_500")),
    ],
)
def test_a_gateway_may_answer_otherwise(status: int, headers: dict[str, str], expected: Validity) -> None:
    """Atlassian's answers 403 or 404 to an expired token. A rate limit is one all the same."""
    assert verdict(status, headers=headers, invalid_statuses=frozenset({401, 403, 404})) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"ok": true}', TokenValid()),
        (200, b'{"ok": false, "error": "invalid_auth"}', TokenInvalid()),
        (400, b'{"error": "invalid_auth"}', TokenInvalid()),
        (500, b'{"error": "invalid_auth"}', TokenUnverified("http_500")),
        (200, b'{"ok": false, "error": "team_access_not_granted"}', TokenUnverified("unrecognized_error")),
    ],
)
def test_a_body_may_say_otherwise(status: int, body: bytes, expected: Validity) -> None:
    """Slack's 200 is no yes, and only known codes are a no. The provider's text goes nowhere."""
    assert verdict(status, body, invalid_codes=frozenset({"invalid_auth"})) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"active": true, "sub": "1"}', TokenValid()),
        (200, b'{"active": false}', TokenInvalid()),
        (200, b'{"active": "true"}', TokenUnverified("unreadable_reply")),
        (200, b'{"active": 1}', TokenUnverified("unreadable_reply")),
        (200, b"{}", TokenUnverified("unreadable_reply")),
        (200, b"<html>", TokenUnverified("unreadable_reply")),
        (403, b'{"active": false}', TokenUnverified("http_403")),
    ],
)
def test_introspection_says_it_in_a_member(status: int, body: bytes, expected: Validity) -> None:
    """RFC 7662 section 2.2: a boolean and nothing like it."""
    assert verdict(status, body, active_member="active") == expected


@pytest.mark.parametrize(
    ("status", "body", "rules", "expected"),
    [
        # RFC 6750 section 3.1 gives the code 401; some servers send it with 400.
        (400, {"error": "invalid_token"}, {}, TokenInvalid()),
        (401, {}, {}, TokenInvalid()),
        (400, {"error": "access_denied"}, {}, TokenUnverified("http_400")),
        (400, {"error": "invalid_request"}, {}, TokenUnverified("http_400")),
        (503, {"error": "invalid_token"}, {}, TokenUnverified("http_503")),
        # oidc-provider-mock's answer to a dead token.
        (400, {"error": "access_denied"}, {"invalid_statuses": frozenset({400, 401})}, TokenInvalid()),
        (400, {"error": "access_denied"}, {"invalid_codes": frozenset({"access_denied"})}, TokenInvalid()),
    ],
)
async def test_a_user_info_endpoint_may_answer_400(
    server: Any, status: int, body: object, rules: dict[str, Any], expected: Validity
) -> None:
    """By the standard's own code without further ado, and else as the rules say."""
    server.answer(status, json.dumps(body).encode())
    validation = ValidationRules(call=Call(url=server.url), **rules) if rules else None
    client = OAuth2Provider(
        "example",
        client_id="client",
        client_secret="hidden",
        token_url=server.url,
        userinfo_url=server.url,
        validation=validation,
    )
    assert expected == await client.validate(TOKENS)


async def test_introspection_is_asked_as_the_client(server: Any) -> None:
    """RFC 7662 section 2.1, byte for byte."""
    server.answer(200, b'{"active": false}')
    call = Call(
        method="POST", url=server.url, auth="client", encoding="form", fields={"token": "{access_token}"}
    )

    validity = await provider_calls(validation=ValidationRules(call=call, active_member="active")).validate(
        TOKENS
    )

    assert TokenInvalid() == validity
    (request,) = server.requests
    assert request.body == "token=at-0"
    assert request.headers["authorization"] == "Basic Y2xpZW50OmhpZGRlbg=="


async def test_the_account_comes_along(server: Any) -> None:
    """One answer says both, where both ask the same."""
    server.answer(200, b'{"id": 7}')
    call = Call(url=server.url)
    identity = IdentityRules(call=call, in_answer=AccountPaths(id=("id",)))
    other = IdentityRules(call=Call(url=server.url + "/other"), in_answer=AccountPaths(id=("id",)))
    rules = ValidationRules(call=Call(url=server.url))

    assert await provider_calls(validation=rules, identity=identity).validate(TOKENS) == TokenValid(
        Account("7")
    )
    assert await provider_calls(validation=rules, identity=other).validate(TOKENS) == TokenValid()
    assert len(server.requests) == 2


async def test_a_new_token_may_be_refused_for_a_moment(server: Any) -> None:
    """GitHub's replicas lag behind its own token endpoint."""
    clock = MovingClock()
    for _ in range(2):
        server.answer(401, b"{}")
    server.answer(200, b"{}")
    rules = ValidationRules(call=Call(url=server.url), replica_lag=True)

    assert await provider_calls(clock, validation=rules).validate(NEW) == TokenValid()
    assert len(server.requests) == 3
    assert clock.slept == [0.05, 0.1]


async def test_a_new_token_that_stays_refused_is_invalid(server: Any) -> None:
    """After a second no replica lags."""
    clock = MovingClock()
    server.answer(401, b"{}")
    rules = ValidationRules(call=Call(url=server.url), replica_lag=True)

    assert await provider_calls(clock, validation=rules).validate(NEW) == TokenInvalid()
    assert sum(clock.slept) == pytest.approx(1)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("lag", "tokens", "status"),
    [
        (False, NEW, 401),
        (True, TOKENS, 401),
        (True, TokenSet("at-0"), 401),
        (True, TokenSet("at-0", issued_at=NOW - timedelta(seconds=6)), 401),
        (True, NEW, 429),
        (True, NEW, 200),
    ],
)
async def test_other_answers_are_taken_at_once(server: Any, lag: Any, tokens: TokenSet, status: int) -> None:
    """Only a refusal of a new token, where replicas are known to lag."""
    clock = MovingClock()
    server.answer(status, b"{}")
    rules = ValidationRules(call=Call(url=server.url), replica_lag=lag)

    await provider_calls(clock, validation=rules).validate(tokens)

    assert len(server.requests) == 1
    assert clock.slept == []


async def test_no_answer_settles_nothing(unused_tcp_port: int) -> None:
    """An outage, a call that cannot be made, or a provider that cannot be asked: the token is kept."""
    away = ValidationRules(call=Call(url=f"http://127.0.0.1:{unused_tcp_port}/"))
    missing = ValidationRules(call=Call(url="https://p.example/{extra[id]}"))

    assert await provider_calls(validation=away).validate(TOKENS) == TokenUnverified("connect_failed")
    assert await provider_calls(validation=missing).validate(TOKENS) == TokenUnverified("cannot_ask")
    assert await provider_calls().validate(TOKENS) == TokenUnverified("no_validation")


async def test_no_text_of_the_provider_s_is_kept(server: Any) -> None:
    """A faulty one may echo the token."""
    server.answer(418, json.dumps({"error": "at-0", "message": "at-0"}).encode())

    validity = await provider_calls(validation=ValidationRules(call=Call(url=server.url))).validate(TOKENS)

    assert "at-0" not in repr(validity)


@pytest.mark.parametrize("auth", ["client", "client_basic", "client_post"])
def test_a_client_that_is_refused_says_nothing_of_the_token(auth: Any) -> None:
    """Where the client authenticates, a 401 is about its secret: introspection is such a call (RFC 7662)."""
    call = Call(method="POST", url="https://provider.example/introspect", auth=auth, encoding="form")
    rules = ValidationRules(call=call, invalid_statuses=frozenset({401, 404}), active_member="active")
    assert rules.verdict(Reply(401, {}, b'{"error": "invalid_client"}'), NOW) == TokenUnverified("http_401")
    assert rules.verdict(Reply(404, {}, b""), NOW) == TokenInvalid()
    assert rules.verdict(Reply(200, {}, b'{"active": false}'), NOW) == TokenInvalid()
