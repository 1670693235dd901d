from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider, ReplyRules, TokenRequests
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.token.device import judge_device_codes, judge_poll
from extauth.adapters.oauth2.token.judge import judge
from extauth.domain.linking import DeviceCodes
from extauth.domain.linking_outcomes import CodeExpired, Denied, StillPending
from extauth.domain.outcomes import ClientRejected, Deferred, Exchanged, NotSent, Unknown
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PUBLIC = {"client_secret": None, "client_auth": "none"}
CODES = {
    "device_code": "dc-1",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://provider.example/device",
    "verification_uri_complete": "https://provider.example/device?user_code=WDJB-MJHT",
    "expires_in": 900,
    "interval": 7,
}
EXPECTED = DeviceCodes(
    device_code="dc-1",
    user_code="WDJB-MJHT",
    verification_uri="https://provider.example/device",
    verification_uri_complete="https://provider.example/device?user_code=WDJB-MJHT",
    expires_in=timedelta(minutes=15),
    interval=timedelta(seconds=7),
)
DEVICE = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dc-1"


class FixedClock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW


def provider(url: str, **options: Any) -> OAuth2Provider:
    """Return a client whose device endpoint is beside its token endpoint."""
    options = {"client_id": "client", "client_secret": "s", "device_url": f"{url}/device", **options}
    return OAuth2Provider("example", token_url=url, clock=FixedClock(), **options)


@pytest.mark.parametrize(
    ("options", "scopes", "body", "authorization"),
    [
        ({**PUBLIC}, {"b", "a"}, "scope=a+b&client_id=client", None),
        ({**PUBLIC, "scopes": ["b", "a"]}, set(), "scope=b+a&client_id=client", None),
        ({**PUBLIC}, set(), "client_id=client", None),
        # Confidential clients authenticate, and are named in the body in any case.
        ({}, {"a"}, "scope=a&client_id=client", "Basic Y2xpZW50OnM="),
        ({"client_auth": "client_secret_post"}, {"a"}, "scope=a&client_id=client&client_secret=s", None),
        (
            {**PUBLIC, "requests": TokenRequests(client_id_field="client_key")},
            {"a"},
            "scope=a&client_key=client",
            None,
        ),
        (
            {
                **PUBLIC,
                "authorization": AuthorizationRules(scope_separator=",", extra_scopes=("offline",)),
                "requests": TokenRequests(code_params={"x": "y"}),
            },
            {"a"},
            "scope=a%2Coffline&client_id=client",
            None,
        ),
    ],
)
async def test_codes_are_asked_for_as_the_standard_says(
    server: Any, options: dict[str, Any], scopes: set[str], body: str, authorization: str | None
) -> None:
    """RFC 8628 section 3.1, byte for byte."""
    server.answer(200, json.dumps(CODES).encode())

    outcome = await provider(server.url, **options).begin_device(frozenset(scopes))

    (request,) = server.requests
    assert request.line == "POST /token/device HTTP/1.1"
    assert request.body == body
    assert request.headers.get("authorization") == authorization
    assert outcome == EXPECTED


@pytest.mark.parametrize(
    ("options", "client", "authorization"),
    [
        ({**PUBLIC}, "&client_id=client", None),
        ({}, "&client_id=client", "Basic Y2xpZW50OnM="),
        ({"client_auth": "client_secret_post"}, "&client_id=client&client_secret=s", None),
    ],
)
async def test_a_poll_is_sent_as_the_standard_says(
    server: Any, options: dict[str, Any], client: str, authorization: str | None
) -> None:
    """RFC 8628 section 3.4, to the token endpoint."""
    server.answer(200, b'{"access_token": "at-1", "refresh_token": "rt-1"}')

    outcome = await provider(server.url, **options).poll_device("dc-1")

    (request,) = server.requests
    assert request.line == "POST /token HTTP/1.1"
    assert request.body == f"{DEVICE}{client}"
    assert request.headers.get("authorization") == authorization
    assert Exchanged(TokenSet("at-1", refresh_token="rt-1", issued_at=NOW)) == outcome


async def test_nobody_listening_is_told(unused_tcp_port: int) -> None:
    """The network is no error of the caller's."""
    client = provider(f"http://127.0.0.1:{unused_tcp_port}/token")

    assert NotSent("connect_failed") == await client.begin_device(frozenset())
    assert NotSent("connect_failed") == await client.poll_device("dc-1")


async def test_what_cannot_be_asked_is_refused() -> None:
    """No device endpoint, and no device code."""
    client = provider("https://provider.example/token", device_url=None)

    with pytest.raises(ValueError, match="'example' has no device_url"):
        await client.begin_device(frozenset())
    with pytest.raises(ValueError, match="device_code must not be empty"):
        await client.poll_device("")


def begun(status: int, body: object, rules: ReplyRules = ReplyRules()) -> Any:  # noqa: B008 - frozen
    """Judge an answer of the device endpoint."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge_device_codes(Reply(status, {"retry-after": "9"}, content), rules, asked_at=NOW)


def test_what_is_optional_may_be_missing() -> None:
    """RFC 8628 section 3.2: five seconds between polls, and no complete address."""
    body = {
        name: value for name, value in CODES.items() if name not in {"interval", "verification_uri_complete"}
    }

    codes = begun(200, body)

    assert codes.interval == timedelta(seconds=5)
    assert codes.verification_uri_complete is None
    assert begun(200, {**body, "interval": 0}).interval == timedelta(seconds=5)
    assert begun(200, {**body, "expires_in": "900"}).expires_in == timedelta(minutes=15)


@pytest.mark.parametrize("interval", [1e-6, 0.001, "0.5", 1])
def test_the_interval_is_a_second_at_least(interval: object) -> None:
    """A server that wants to be asked without pause has the application do its work."""
    codes = begun(200, {**CODES, "interval": interval})
    assert isinstance(codes, DeviceCodes)
    assert codes.interval == timedelta(seconds=1)


@pytest.mark.parametrize("user_code", ["AB\nCD", "\x1b[2J", "\u202eABCD"])
def test_a_user_code_that_steers_a_terminal_is_none(user_code: str) -> None:
    """It is shown to the user, be it on a terminal."""
    assert isinstance(begun(200, {**CODES, "user_code": user_code}), Unknown)


def test_google_s_name_of_the_address_counts() -> None:
    """verification_url in place of verification_uri."""
    body = {**CODES, "verification_url": CODES["verification_uri"]}
    del body["verification_uri"]

    assert begun(200, body) == EXPECTED


@pytest.mark.parametrize("name", ["device_code", "user_code", "verification_uri", "expires_in"])
@pytest.mark.parametrize("odd", [None, "", 0, [], {}, True, "\ud800"])
def test_an_answer_without_what_is_required_is_unreadable(name: str, odd: object) -> None:
    """A user cannot be shown half of it."""
    assert begun(200, {**CODES, name: odd}) == Unknown("unreadable_reply", timedelta(seconds=9))


def test_codes_in_camel_case_count() -> None:
    """As AWS's device authorization has them."""
    body = {
        "deviceCode": "dc-1",
        "userCode": "WDJB-MJHT",
        "verificationUri": "https://provider.example/device",
        "verificationUriComplete": "https://provider.example/device?user_code=WDJB-MJHT",
        "expiresIn": 900,
        "interval": 7,
    }

    assert begun(200, body) == EXPECTED


def test_an_address_on_loopback_is_a_web_address() -> None:
    """Servers that are tried out have no certificate."""
    assert (
        begun(200, {**CODES, "verification_uri": "http://127.0.0.1/"}).verification_uri == "http://127.0.0.1/"
    )


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "provider.example/device", "https://x\ny", "data:,x"])
def test_only_a_web_address_is_shown_to_users(uri: str) -> None:
    """It ends up in a link or a QR code."""
    assert isinstance(begun(200, {**CODES, "verification_uri": uri}), Unknown)
    assert begun(200, {**CODES, "verification_uri_complete": uri}).verification_uri_complete is None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_client"}, ClientRejected("invalid_client")),
        (400, {"error": "unauthorized_client"}, ClientRejected("unauthorized_client")),
        (200, {"error": "device_flow_disabled"}, ClientRejected("device_flow_disabled")),
        (400, {"error": "invalid_grant"}, ClientRejected("invalid_grant")),
        (200, {**CODES, "error": "invalid_scope"}, ClientRejected("invalid_scope")),
        (429, {}, Deferred("http_429", timedelta(seconds=9))),
        (403, {"error": "odd"}, Deferred("unrecognized_error", timedelta(seconds=9))),
        (503, b"", Unknown("http_503", timedelta(seconds=9))),
    ],
)
def test_a_refused_beginning_says_whose_fault_it_is(status: int, body: object, expected: object) -> None:
    """There is no grant yet that could be dead."""
    assert expected == begun(status, body)


def polled(status: int, body: object, rules: ReplyRules = ReplyRules()) -> Any:  # noqa: B008 - frozen
    """Judge an answer to a poll."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Reply(status, {}, content)
    return judge_poll(reply, judge(reply, rules, asked_at=NOW))


SPOTIFY = ReplyRules(dead_codes={"invalid_grant", "access_denied"})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "authorization_pending"}, StillPending()),
        (400, {"error": "slow_down"}, StillPending(slow_down=True)),
        (400, {"error": "access_denied"}, Denied()),
        (400, {"error": "authorization_declined"}, Denied()),
        (400, {"error": "consent_required"}, Denied()),
        (400, {"error": "expired_token"}, CodeExpired()),
        (400, {"error": "invalid_grant"}, CodeExpired()),
        # GitHub answers with 200, and in a form.
        (200, {"error": "authorization_pending"}, StillPending()),
        (200, b"error=slow_down&interval=10", StillPending(slow_down=True, interval=timedelta(seconds=10))),
        (
            200,
            {"error": "slow_down", "interval": 25},
            StillPending(slow_down=True, interval=timedelta(seconds=25)),
        ),
        (400, {"error": "slow_down", "interval": -1}, StillPending(slow_down=True)),
        (400, {"error": "slow_down", "interval": "soon"}, StillPending(slow_down=True)),
        (400, {"error": "authorization_pending", "interval": 25}, StillPending()),
        (200, {"error": "incorrect_device_code"}, CodeExpired()),
        (200, {"error": "bad_verification_code"}, CodeExpired()),
        # Google answers with 428 and 403.
        (428, {"error": "authorization_pending"}, StillPending()),
        (403, {"error": "slow_down"}, StillPending(slow_down=True)),
        (403, {"error": "access_denied"}, Denied()),
        (429, {"error": "slow_down"}, StillPending(slow_down=True)),
        # Twitch says it in words.
        (400, {"status": 400, "message": "authorization_pending"}, StillPending()),
        (400, {"error": "Bad Request", "message": "slow_down"}, StillPending(slow_down=True)),
        (400, {"message": "the code is authorization_pending"}, Deferred("http_400")),
        # A rate limit or an outage decides nothing for the user.
        (429, {"error": "access_denied"}, Deferred("http_429")),
        (429, {"error": "invalid_grant"}, Deferred("http_429")),
        (500, {"error": "access_denied"}, Unknown("http_500")),
        (503, {"error": "expired_token"}, Unknown("http_503")),
        (400, {"error": "unsupported_grant_type"}, ClientRejected("unsupported_grant_type")),
        (401, {"error": "invalid_client"}, ClientRejected("invalid_client")),
        (400, {"error": "odd"}, Deferred("unrecognized_error")),
        (400, b"", Deferred("http_400")),
        (200, b"", Unknown("unreadable_reply")),
        (200, {"access_token": "at-1"}, Exchanged(TokenSet("at-1", issued_at=NOW))),
        (
            200,
            {"access_token": "at-1", "status": "access_denied"},
            Exchanged(TokenSet("at-1", issued_at=NOW)),
        ),
        (200, {"access_token": "at-1", "error": "authorization_pending"}, StillPending()),
    ],
)
def test_a_poll_s_answer_is_classified(status: int, body: object, expected: object) -> None:
    """RFC 8628 section 3.5 and what providers make of it."""
    assert expected == polled(status, body)


def test_a_denial_is_none_of_a_dead_grant() -> None:
    """Where a preset takes access_denied for a dead grant on a refresh, here it is the user's no."""
    assert polled(400, {"error": "access_denied"}, SPOTIFY) == Denied()


@given(
    status=st.integers(100, 999),
    body=st.dictionaries(
        st.sampled_from([*CODES, "verification_url", "error", "access_token"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from([*CODES.values()]),
    ),
)
def test_any_answer_gets_an_outcome(status: int, body: dict[str, object]) -> None:
    """Whatever comes, neither judge raises, and the device code is in no repr."""
    assert "dc-1" not in repr(begun(status, body))
    assert "dc-1" not in repr(polled(status, {**body, "error": "dc-1"}))
