from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.token.judge import judge
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
DAY = timedelta(days=1)
PREVIOUS = TokenSet("at-0", refresh_token="rt-0")

GOOD_ENDS: list[object] = [0, "0", "", 200, "200", 201, "OK", "success", None, True, 0.0, []]
"""Of requests."""
HUBSPOT = ReplyRules(dead_codes={"invalid_grant", "BAD_REFRESH_TOKEN"}, scope_fields=("scope", "scopes"))
TWITCH = ReplyRules(dead_messages={"Invalid refresh token": "invalid_grant"})
ZOOM = ReplyRules(dead_messages={"Invalid Token!": "invalid_grant"})
ZOHO = ReplyRules(
    dead_codes={"invalid_code"},
    dead_messages={"Access Denied": "access_denied"},
    throttles={"access_denied": timedelta(minutes=10)},
)
GOOGLE = ReplyRules(dead_codes={"invalid_grant", "invalid_rapt"})
SLACK = ReplyRules(
    dead_codes={"invalid_refresh_token"},
    scope_separator=",",
    companions={"user": ("authed_user",), "hook": ("incoming", "webhook")},
    extra_fields={"team", "authed_user", "id"},
)


def judged(
    status: int,
    body: object,
    rules: ReplyRules,
    previous: TokenSet | None = None,
    traits: ProviderTraits = ProviderTraits(),  # noqa: B008 - frozen
    **headers: str,
) -> ExchangeOutcome:
    """Judge a JSON body, or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lowered = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Reply(status, lowered, content), rules, asked_at=NOW, previous=previous, traits=traits)


def granted(body: object, rules: ReplyRules, *args: Any, **options: Any) -> TokenSet:
    """Return the tokens of an answer that is a success."""
    outcome = judged(200, body, rules, *args, **options)
    assert isinstance(outcome, Exchanged)
    return outcome.tokens


@pytest.mark.parametrize(
    ("status", "body", "rules", "expected"),
    [
        # Messages in place of codes, whole and only listed ones.
        (400, {"status": 400, "message": "Invalid refresh token"}, TWITCH, GrantRejected("invalid_grant")),
        (401, {"status": 401, "message": " INVALID REFRESH TOKEN\n"}, TWITCH, GrantRejected("invalid_grant")),
        (400, {"status": 400, "message": "Invalid refresh token: rt-0"}, TWITCH, Deferred("http_400")),
        (400, {"status": 400, "message": "missing client id"}, TWITCH, Deferred("http_400")),
        (400, {"error_description": "Invalid refresh token"}, TWITCH, GrantRejected("invalid_grant")),
        (400, {"error": {"message": "Invalid refresh token"}}, TWITCH, GrantRejected("invalid_grant")),
        (400, {"errors": [{"message": "Invalid refresh token"}]}, TWITCH, GrantRejected("invalid_grant")),
        (400, {"note": "Invalid refresh token"}, TWITCH, Deferred("http_400")),
        (400, {"error": "invalid_request", "reason": "Invalid Token!"}, ZOOM, GrantRejected("invalid_grant")),
        (400, {"error": "invalid_request", "reason": "Other"}, ZOOM, ClientRejected("invalid_request")),
        # Too often, whatever else is said.
        (
            200,
            {"error": "Access Denied"},
            ZOHO,
            Deferred("access_denied", timedelta(minutes=10), of_grant=True),
        ),
        (
            400,
            {"error": "access_denied", "code": "invalid_code"},
            ZOHO,
            Deferred("access_denied", timedelta(minutes=10), of_grant=True),
        ),
        (200, {"error": "invalid_code"}, ZOHO, GrantRejected("invalid_code")),
        # Failures without a member named error.
        (
            400,
            {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid"},
            HUBSPOT,
            GrantRejected("BAD_REFRESH_TOKEN"),
        ),
        (200, {"status": "error", "category": "X", "message": "x"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"status": 401, "message": "x"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"status": "FAILURE"}, HUBSPOT, Deferred("unrecognized_error")),
        (
            200,
            {"errors": [{"errorType": "invalid_grant", "message": "x"}], "success": False},
            HUBSPOT,
            GrantRejected("invalid_grant"),
        ),
        (200, {"errors": [{"errorType": "odd"}]}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"serviceErrorCode": 65601, "message": "x"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"error_code": "odd"}, HUBSPOT, Deferred("unrecognized_error")),
        (
            401,
            {"serviceErrorCode": 65601, "message": "x", "status": 401},
            ReplyRules(dead_codes={"65601"}),
            GrantRejected("65601"),
        ),
        (
            400,
            {"error": {"type": "OAuthException", "code": 190, "message": "x"}},
            ReplyRules(dead_codes={"190"}),
            GrantRejected("190"),
        ),
        # How a request ended, where everything comes with 200 (WeChat, Lark, Lazada).
        (200, {"errcode": 42002, "errmsg": "refresh_token expired"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"errCode": "42002"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"code": 20037, "msg": "x", "data": {}}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"code": "IllegalRefreshToken", "type": "ISP"}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"errcode": 42002}, ReplyRules(dead_codes={"42002"}), GrantRejected("42002")),
        (
            200,
            {"errcode": -1, "errmsg": "system busy"},
            ReplyRules(temporary_codes={"-1"}),
            Deferred("-1"),
        ),
        (
            200,
            {"code": 1, "msg": "Invalid refresh token"},
            ReplyRules(
                dead_codes={"invalid_refresh_token"},
                dead_messages={"invalid refresh token": "invalid_refresh_token"},
            ),
            GrantRejected("invalid_refresh_token"),
        ),
        *(
            (200, {name: good, "errmsg": "ok"}, HUBSPOT, Unknown("unreadable_reply"))
            for name in ("code", "errcode")
            for good in GOOD_ENDS
        ),
        (200, {"code": "7" * 5000}, HUBSPOT, Deferred("unrecognized_error")),
        (200, {"code": 7, "data": {"token": "t"}}, HUBSPOT, Unknown("unreadable_reply")),
        # A success that nobody can read may still be one.
        (200, {"status": "success", "message": "done"}, HUBSPOT, Unknown("unreadable_reply")),
        (200, {"status": True, "errors": []}, HUBSPOT, Unknown("unreadable_reply")),
        # More exact than the code beside it.
        (
            400,
            {"error": "invalid_grant", "error_subtype": "invalid_rapt"},
            GOOGLE,
            GrantRejected("invalid_rapt"),
        ),
        (400, {"error": "invalid_grant", "error_subtype": "odd"}, GOOGLE, GrantRejected("invalid_grant")),
        # The preset's own temporary codes.
        (400, {"error": "busy"}, ReplyRules(temporary_codes={"busy"}), Deferred("busy")),
        (400, {"error": "slow_down"}, ReplyRules(temporary_codes={"busy"}), Deferred("slow_down")),
        # A 5xx and a rate limit come first here as well.
        (503, {"message": "Invalid refresh token"}, TWITCH, Unknown("http_503")),
        (429, {"message": "Invalid refresh token"}, TWITCH, Deferred("http_429")),
    ],
)
def test_a_provider_s_own_errors_are_classified(
    status: int, body: object, rules: ReplyRules, expected: ExchangeOutcome
) -> None:
    """One row per shape in the wild."""
    assert expected == judged(status, body, rules)


def test_a_code_that_is_over_says_nothing_of_a_refresh_token() -> None:
    """GitHub's bad_verification_code ends an authorization; as an answer to a refresh it is unheard of."""
    body = {"error": "bad_verification_code"}
    rules = ReplyRules(restart_codes={"over"})

    assert judged(200, body, ReplyRules()) == GrantRejected("bad_verification_code")
    assert judged(200, body, ReplyRules(), PREVIOUS) == Deferred("unrecognized_error")
    assert judged(400, {"error": "over"}, rules) == GrantRejected("over")
    assert judged(400, {"error": "invalid_grant"}, rules) == GrantRejected("invalid_grant")


@pytest.mark.parametrize(
    "place",
    [
        "error_subtype",
        "error",
        "code",
        "type",
        "status",
        "errorType",
        "category",
        "error_code",
        "serviceErrorCode",
    ],
)
def test_a_code_counts_wherever_providers_put_it(place: str) -> None:
    """As text or as a whole number, at the top, in an error, or in a list of errors; true is no number."""
    rules = ReplyRules(dead_codes={"invalid_grant", "17", "True"})
    errors: list[object] = [
        {place: "invalid_grant"},
        {"error": {place: "invalid_grant"}},
        {"errors": [{place: 17}]},
    ]

    for error in errors:
        assert isinstance(judged(400, error, rules), GrantRejected)
    assert isinstance(judged(400, {place: True}, rules), Deferred)


@pytest.mark.parametrize("place", ["error", "message", "error_description", "reason", "error_message"])
def test_a_message_counts_wherever_providers_put_it(place: str) -> None:
    """At the top, in an error, or in a list of errors."""
    message = {place: "Invalid refresh token"}
    errors: list[object] = [message, {"error": message}, {"errors": [message]}]

    for error in errors:
        assert judged(400, error, TWITCH) == GrantRejected("invalid_grant")


@pytest.mark.parametrize(
    "shape",
    [
        {"errors": [{"message": "x"}]},
        {"errorType": "odd"},
        {"error_code": 17},
        {"serviceErrorCode": 17},
        {"category": "odd"},
        {"status": 400},
        {"status": "error"},
        {"status": "fail"},
        {"status": "failed"},
        {"status": "Failure"},
        {"success": False},
    ],
)
def test_the_shape_of_a_failure_settles_that_nothing_was_done(shape: dict[str, object]) -> None:
    """With status 200 and neither tokens nor an error that says so; beside a token it says nothing."""
    assert judged(200, shape, ReplyRules()) == Deferred("unrecognized_error")
    assert granted({**shape, "access_token": "at-1"}, ReplyRules()).access_token == "at-1"


def test_a_provider_s_word_on_how_long_to_wait_wins() -> None:
    """Retry-After is more exact than what a preset knows of throttles."""
    outcome = judged(400, {"error": "access_denied"}, ZOHO, retry_after="7")

    assert Deferred("access_denied", timedelta(seconds=7)) == outcome


@pytest.mark.parametrize(
    "shape",
    [{"status": "error"}, {"errors": [{"message": "x"}]}, {"category": "x"}, {"status": 400, "message": "x"}],
)
def test_a_token_beside_the_shape_of_a_failure_is_a_success(shape: dict[str, object]) -> None:
    """Only an error that says so takes a token back: a rotation must not be thrown away."""
    assert granted({"access_token": "at-1", **shape}, HUBSPOT).access_token == "at-1"


def test_scopes_are_where_the_rules_say() -> None:
    """The first member that names any; fewer than asked for are what was granted."""
    rules = ReplyRules(scope_fields=("scope", "scopes"), scope_separator=",")

    assert granted({"access_token": "a", "scopes": ["x", "y"]}, rules).scopes == {"x", "y"}
    assert granted({"access_token": "a", "scope": "", "scopes": "x,y"}, rules).scopes == {"x", "y"}
    assert granted({"access_token": "a", "scope": "x", "scopes": "y"}, rules).scopes == {"x"}


@pytest.mark.parametrize(
    ("rules", "body", "seconds"),
    [
        (ReplyRules(lifetime_fields=("expires_in", "expires")), {"expires": "60"}, 60),
        (ReplyRules(lifetime_fields=("expires_in", "expires")), {"expires_in": 0, "expires": 60}, 60),
        (ReplyRules(lifetime_fields=("expires_in", "expires")), {"expires_in": 30, "expires": 60}, 30),
        (ReplyRules(), {"expires": 60}, None),
        (ReplyRules(lifetime_in_milliseconds=True), {"expires_in": 90_500}, 90.5),
        (ReplyRules(lifetime_in_milliseconds=True), {"expires_in": "315360000000"}, 315_360_000),
        (ReplyRules(lifetime_in_milliseconds=True), {"expires_in": 315_360_000_001}, None),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": EPOCH + 60}, 60),
        (ReplyRules(expiry_field="expires_on"), {"expires_on": str(EPOCH + 60)}, 60),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": EPOCH + 60, "expires_in": 30}, 30),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": EPOCH}, None),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": EPOCH * 1000}, None),
        (ReplyRules(), {"expires_at": (EPOCH + 60) * 1000}, 60),
        (ReplyRules(), {"expires_at": str(EPOCH * 1000 + 90_500)}, 90.5),
        (ReplyRules(), {"expires_at": EPOCH * 1_000_000}, None),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": 10**400}, None),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": float("nan")}, None),
        (ReplyRules(expiry_field="expires_at"), {"expires_at": True}, None),
        # Square says a date and time (ISO 8601).
        (ReplyRules(), {"expires_at": "2026-01-02T04:04:05Z"}, 3600),
        (ReplyRules(), {"expires_at": "2026-01-02T05:04:05.5+01:00"}, 3600.5),
        (ReplyRules(), {"expires_at": "2026-01-02 04:04:05"}, 3600),
        (ReplyRules(), {"expires_at": "2026-01-02t04:04:05z"}, 3600),
        (ReplyRules(), {"expires_at": "2026-01-02T04:04:05Z", "expires_in": 30}, 30),
        (ReplyRules(), {"expires_at": "2026-01-02T03:04:05Z"}, None),
        (ReplyRules(), {"expires_at": "9999-12-31T23:59:59Z"}, None),
        (ReplyRules(), {"expires_at": "0001-01-01T00:00:00+23:59"}, None),
        (ReplyRules(), {"expires_at": "in an hour"}, None),
        (ReplyRules(expiry_field=None), {"expires_at": EPOCH + 60}, None),
    ],
)
def test_the_expiry_is_read_as_the_rules_say(
    rules: ReplyRules, body: dict[str, object], seconds: float | None
) -> None:
    """Other names, milliseconds, and instants in place of spans; odd ones say nothing."""
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)

    assert expected == granted({"access_token": "at-1", **body}, rules).expires_at


def test_a_date_without_an_offset_is_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local time of a machine in Tokyo is nothing that a provider could mean."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        tokens = granted({"access_token": "at-1", "expires_at": "2026-01-02T04:04:05"}, ReplyRules())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert NOW + timedelta(hours=1) == tokens.expires_at


IDLE = ProviderTraits(refresh_token_idle_lifetime=60 * DAY)
FIXED = ProviderTraits(refresh_token_lifetime=365 * DAY)
BOTH = ProviderTraits(refresh_token_idle_lifetime=60 * DAY, refresh_token_lifetime=30 * DAY)
CONSENT = TokenSet("at-0", refresh_token="rt-0", refresh_token_expires_at=NOW + 5 * DAY)
ROTATED = {"access_token": "at-1", "refresh_token": "rt-1"}
KEPT = {"access_token": "at-1"}


@pytest.mark.parametrize(
    ("body", "traits", "previous", "days"),
    [
        ({**ROTATED, "refresh_token_expires_in": 86400}, FIXED, CONSENT, 1),
        ({**ROTATED, "refresh_expires_in": "86400"}, IDLE, None, 1),
        ({**KEPT, "refresh_token_expires_in": 86400}, FIXED, CONSENT, 1),
        ({**ROTATED, "refresh_expires_in": 0}, ProviderTraits(), CONSENT, None),
        (ROTATED, ProviderTraits(), None, None),
        # Unused for a time: each answer starts it anew, whether or not it has a new token.
        (ROTATED, IDLE, None, 60),
        (ROTATED, IDLE, CONSENT, 60),
        (KEPT, IDLE, CONSENT, 60),
        # A time from the consent: carried forward, through rotations as well.
        (ROTATED, FIXED, None, 365),
        (ROTATED, FIXED, CONSENT, 5),
        (KEPT, FIXED, CONSENT, 5),
        (ROTATED, FIXED, PREVIOUS, None),
        (ROTATED, BOTH, None, 30),
        (ROTATED, BOTH, CONSENT, 60),
        # No refresh token, nothing to expire.
        (KEPT, IDLE, None, None),
        (KEPT, FIXED, TokenSet("at-0"), None),
        (KEPT, IDLE, TokenSet("at-0"), None),
        ({**KEPT, "refresh_token_expires_in": 86400}, IDLE, None, None),
    ],
)
def test_the_refresh_token_s_own_clock_is_kept(
    body: dict[str, object], traits: ProviderTraits, previous: TokenSet | None, days: int | None
) -> None:
    """What the answer says, else what the provider is known for, from now or from the consent."""
    expected = None if days is None else NOW + days * DAY

    assert expected == granted(body, ReplyRules(), previous, traits).refresh_token_expires_at


def test_an_access_token_may_be_its_own_refresh_token() -> None:
    """Facebook and Instagram have no refresh token: the next one is presented in its place."""
    rules = ReplyRules(access_token_refreshes_itself=True)

    assert granted({"access_token": "at-1"}, rules).refresh_token == "at-1"
    assert granted({"access_token": "at-2"}, rules, CONSENT).refresh_token == "at-2"
    assert granted({"access_token": "at-1", "refresh_token": "rt-1"}, rules).refresh_token == "rt-1"
    assert granted({"access_token": "at-1"}, ReplyRules()).refresh_token is None


USER = {"id": "U1", "access_token": "at-u", "refresh_token": "rt-u", "expires_in": 60, "scope": "a,b"}
USER_TOKENS = TokenSet(
    "at-u",
    refresh_token="rt-u",
    expires_at=NOW + timedelta(seconds=60),
    scopes=frozenset({"a", "b"}),
    extra={
        "id": "U1",
        "team": {"id": "T1"},
        "authed_user": {"id": "U1", "expires_in": 60, "scope": "a,b"},
    },
    issued_at=NOW,
)


def test_one_answer_may_give_two_grants() -> None:
    """Slack's bot and user tokens, each with its own refresh token, expiry and scopes."""
    body: dict[str, Any] = {
        "ok": True,
        "access_token": "at-b",
        "refresh_token": "rt-b",
        "expires_in": 3600,
        "team": {"id": "T1"},
        "authed_user": USER,
    }

    outcome = judged(200, body, SLACK)

    bot = TokenSet(
        "at-b",
        refresh_token="rt-b",
        expires_at=NOW + timedelta(hours=1),
        extra={"team": body["team"], "authed_user": USER_TOKENS.extra["authed_user"]},
        issued_at=NOW,
    )
    assert Exchanged(bot, companions={"user": USER_TOKENS}) == outcome


def test_an_answer_with_only_a_companion_says_whose_its_tokens_are() -> None:
    """When user scopes alone were asked for, there is no bot; the others stay companions."""
    hook = {"webhook": {"access_token": "at-h"}}
    body = {"ok": True, "team": {"id": "T1"}, "authed_user": USER, "incoming": hook}

    outcome = judged(200, body, SLACK)

    assert isinstance(outcome, Exchanged)
    assert outcome.tokens == USER_TOKENS
    assert outcome.link_name == "user"
    assert outcome.companions.keys() == {"hook"}
    assert outcome.companions["hook"].access_token == "at-h"


@pytest.mark.parametrize(
    "odd", [None, 17, "at-u", [], {}, {"id": "U1"}, {"access_token": ""}, {"access_token": "\0"}]
)
def test_an_odd_companion_costs_nothing(odd: object) -> None:
    """Without a token of its own it is none."""
    outcome = judged(200, {"access_token": "at-b", "authed_user": odd}, SLACK)

    assert isinstance(outcome, Exchanged)
    assert outcome.companions == {}
    assert outcome.link_name is None


def test_a_refresh_has_no_companions() -> None:
    """Their refresh tokens belong to links of their own, which nobody holds the lease of."""
    outcome = judged(200, {"access_token": "at-b", "authed_user": USER}, SLACK, PREVIOUS)

    assert isinstance(outcome, Exchanged)
    assert outcome.companions == {}


def test_the_only_tokens_of_a_refresh_are_those_that_were_asked_for() -> None:
    """One grant was presented, so they are its own, wherever they stand; of two nobody knows which."""
    outcome = judged(200, {"team": {"id": "T1"}, "authed_user": USER}, SLACK, PREVIOUS)
    assert isinstance(outcome, Exchanged)
    assert outcome.tokens == USER_TOKENS
    assert (outcome.link_name, outcome.companions) == (None, {})

    both = {"authed_user": USER, "incoming": {"webhook": {"access_token": "at-h"}}}
    assert judged(200, both, SLACK, PREVIOUS) == Unknown("unreadable_reply")


def test_a_companion_beside_an_error_is_no_success() -> None:
    """As with the tokens of the answer itself."""
    assert judged(200, {"ok": False, "authed_user": USER}, SLACK) == Unknown("unrecognized_error")
    assert judged(200, {"error": "invalid_refresh_token", "authed_user": USER}, SLACK) == GrantRejected(
        "invalid_refresh_token"
    )


@pytest.mark.parametrize(
    "body",
    [
        # Micronaut's, before its version 1.0 (github.com/micronaut-projects/micronaut-core, issue 607).
        {"accessToken": "at-1", "refreshToken": "rt-1", "token_type": "Bearer", "expires_in": 60},
        {"accessToken": "at-1", "refreshToken": "rt-1", "tokenType": "Bearer", "expiresIn": 60},
        {"AccessToken": "at-1", "RefreshToken": "rt-1", "TokenType": "Bearer", "ExpiresIn": "60"},
        {
            "access_token": "at-1",
            "accessToken": "other",
            "refresh_token": "",
            "refreshToken": "rt-1",
            "expiresIn": 60,
        },
    ],
)
@pytest.mark.parametrize("around", ["", "body", "user"])
def test_members_in_camel_case_are_found(body: dict[str, object], around: str) -> None:
    """A rotation is not lost for how a server spells it, in an envelope and for a companion neither."""
    rules = ReplyRules(tokens_at=("body",), companions={"user": ("user",)})

    outcome = judged(200, {around: body} if around else body, rules, PREVIOUS)

    assert outcome == Exchanged(
        TokenSet("at-1", "rt-1", issued_at=NOW, expires_at=NOW + timedelta(seconds=60))
    )


def test_what_is_kept_holds_no_tokens_at_any_depth() -> None:
    """Extra members are neither masked nor encrypted."""
    body = {
        "access_token": "at-1",
        "kept": {"id": 1, "accessToken": "x", "list": [{"refresh_token": "x", "id_token": "x", "a": "b"}]},
    }

    assert granted(body, ReplyRules(extra_fields={"kept"})).extra == {"kept": {"id": 1, "list": [{"a": "b"}]}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dead_messages": {"x": "not a code"}}, "dead_messages: a code is 1 to 64"),
        ({"dead_messages": {"x": "gone"}}, "dead_messages: gone is on no list"),
        ({"dead_messages": {" ": "invalid_grant"}}, "dead_messages must not hold an empty text"),
        ({"temporary_codes": {"not a code"}}, "temporary_codes: a code is 1 to 64"),
        ({"temporary_codes": "busy"}, "not one str"),
        ({"throttles": {"not a code": DAY}}, "throttles: a code is 1 to 64"),
        ({"throttles": {"busy": timedelta(0)}}, "throttles must be longer than zero"),
        ({"scope_fields": "scope"}, "not one str"),
        ({"extra_fields": {"refreshToken"}}, "extra_fields must not name a token"),
        ({"lifetime_fields": "expires"}, "not one str"),
        ({"refresh_lifetime_fields": "x"}, "not one str"),
        ({"companions": {"": ("a",)}}, "companions: a name without"),
        ({"companions": {"a/b": ("a",)}}, "companions: a name without"),
        ({"companions": {"user": ()}}, "companions: a name without"),
        ({"companions": {"user": "authed_user"}}, "companions: a name without"),
    ],
)
def test_bad_rules_are_refused(options: dict[str, Any], message: str) -> None:
    """A mistake in a preset is a ValueError when it is made."""
    with pytest.raises(ValueError, match=message):
        ReplyRules(**options)


SECRET = "hidden-17"
NAMES = st.sampled_from(
    [
        "access_token", "refresh_token", "id_token", "authed_user", "incoming", "webhook", "error", "errors",
        "ok",
        "code", "status", "category", "errorType", "serviceErrorCode", "error_code", "error_subtype",
        "message", "error_description", "reason", "scope", "scopes", "expires_in", "expires", "expires_at",
        "refresh_expires_in", "team", "kept",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [
            SECRET,
            f"{SECRET}\0",
            f"\ud800{SECRET}",
            "invalid_grant",
            "Invalid Token!",
            "busy",
            "60",
            "invalid_client",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
EVERYTHING = ReplyRules(
    dead_messages={"Invalid Token!": "invalid_grant"},
    temporary_codes={"busy"},
    throttles={"slow": DAY},
    scope_fields=("scopes", "scope"),
    lifetime_fields=("expires", "expires_in"),
    lifetime_in_milliseconds=True,
    expiry_field="expires_at",
    companions={"user": ("authed_user",), "hook": ("incoming", "webhook")},
    access_token_refreshes_itself=True,
    extra_fields={"kept", "team", "authed_user"},
)


@given(
    status=st.integers(100, 999),
    body=st.dictionaries(NAMES, VALUES, max_size=10),
    rules=st.sampled_from([EVERYTHING, SLACK, TWITCH, ZOHO]),
    previous=st.sampled_from([None, PREVIOUS, CONSENT]),
    traits=st.sampled_from([IDLE, FIXED, BOTH]),
)
def test_any_answer_gets_an_outcome_that_shows_no_secret(
    status: int,
    body: dict[str, object],
    rules: ReplyRules,
    previous: TokenSet | None,
    traits: ProviderTraits,
) -> None:
    """Whatever comes, nothing is raised, and every code is one that was known beforehand."""
    known = {
        *rules.dead_codes,
        *rules.restart_codes,
        *rules.client_codes,
        *rules.temporary_codes,
        *rules.throttles,
    }
    known |= {"temporarily_unavailable", "server_error", "slow_down"}
    known |= {"unrecognized_error", "unreadable_reply", "unstorable_tokens", "redirected", f"http_{status}"}

    outcome = judged(status, body, rules, previous, traits)

    if isinstance(outcome, Exchanged):
        for tokens in (outcome.tokens, *outcome.companions.values()):
            assert tokens.access_token
            assert "access_token" not in json.dumps(tokens.extra)
    else:
        assert outcome.code in known
