"""Refusals that no code tells: an empty body, a bare status, a plain text, members that belong together."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2 import RefusalRule, ReplyRules
from extauth.adapters.oauth2.http.reply import UNRECOGNIZED, Reply
from extauth.adapters.oauth2.token.judge import judge
from extauth.adapters.oauth2.token.refusal_rules import matches
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEFORE = TokenSet("at", "rt")
DEAD = GrantRejected("invalid_grant")
CLIENT = ClientRejected("invalid_client")
BUSY = Deferred("already_processing")


def judged(
    status: int, body: object, *rules: RefusalRule, previous: TokenSet | None = BEFORE, **others: Any
) -> ExchangeOutcome:
    """Judge the answer to a refresh by these rules; ``previous=None`` for the answer to a code."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    replies = ReplyRules(refusals=rules, **others)
    return judge(Reply(status, {}, content), replies, asked_at=NOW, previous=previous)


@pytest.mark.parametrize(
    ("rule", "status", "body", "expected"),
    [
        # glewlwyd: a wrong client, with nothing but the status.
        ({"code": "invalid_client", "status": 400, "text": ""}, 400, b"", CLIENT),
        ({"code": "invalid_client", "status": 400, "text": ""}, 400, b" \r\n", CLIENT),
        ({"code": "invalid_client", "status": 400, "text": ""}, 400, b"{}", Deferred("http_400")),
        ({"code": "invalid_client", "status": 400, "text": ""}, 401, b"", Deferred("http_401")),
        # A bare 401, whatever its body.
        ({"code": "invalid_client", "status": 401}, 401, b"<html>no</html>", CLIENT),
        ({"code": "invalid_grant", "status": 401}, 401, b"", DEAD),
        # A plain text, as oauth2orize's.
        ({"code": "invalid_client", "text": "Unauthorized"}, 401, b"unauthorized\n", CLIENT),
        ({"code": "invalid_client", "text": "Unauthorized"}, 401, b"unauthorized?", Deferred("http_401")),
        ({"code": "invalid_grant", "text": "*token*revoked*"}, 403, b"The token was revoked.", DEAD),
        ({"code": "invalid_grant", "text": "*token*revoked*"}, 403, b"revoked token", Deferred("http_403")),
        # Members that mean something together only, at any place of an error.
        (
            {"code": "invalid_grant", "members": {"resource": "RefreshToken", "code": "invalid"}},
            400,
            {"errors": [{"resource": "x", "code": "y"}, {"resource": "refreshtoken", "code": "invalid"}]},
            DEAD,
        ),
        (
            {"code": "invalid_grant", "members": {"resource": "RefreshToken", "code": "invalid"}},
            400,
            {"errors": [{"resource": "RefreshToken"}, {"code": "invalid"}]},
            Deferred("http_400"),
        ),
        ({"code": "invalid_grant", "members": {"code": "17"}}, 400, {"error": {"code": 17}}, DEAD),
        (
            {"code": "invalid_grant", "members": {"code": "1"}},
            400,
            {"error": {"code": True}},
            Deferred(UNRECOGNIZED),
        ),
        # A rule wins over the code that stands there.
        (
            {"code": "invalid_grant", "members": {"error": "invalid_request", "error_description": "gone"}},
            400,
            {"error": "invalid_request", "error_description": "Gone"},
            DEAD,
        ),
        (
            {"code": "temporarily_unavailable", "members": {"error_description": "busy"}},
            400,
            {"error": "invalid_grant", "error_description": "busy"},
            Deferred("temporarily_unavailable"),
        ),
        # What an outage or a rate limit says is not asked.
        ({"code": "invalid_grant", "text": ""}, 503, b"", Unknown("http_503")),
        ({"code": "invalid_grant", "text": ""}, 429, b"", Deferred("http_429")),
    ],
)
def test_a_rule_says_what_an_answer_stands_for(
    rule: dict[str, Any], status: int, body: object, expected: ExchangeOutcome
) -> None:
    """All that the rule says must hold; else the answer is judged as ever."""
    assert expected == judged(status, body, RefusalRule(**rule))


def test_a_rule_may_be_for_refresh_tokens_or_codes_alone() -> None:
    """The same answer means something else where something else was presented."""
    rule = RefusalRule(code="invalid_grant", status=400, text="", on="refresh")
    assert judged(400, b"", rule) == DEAD
    assert judged(400, b"", rule, previous=None) == Deferred("http_400")
    rule = RefusalRule(code="invalid_grant", status=400, text="", on="code")
    assert judged(400, b"", rule) == Deferred("http_400")
    assert judged(400, b"", rule, previous=None) == DEAD


def test_the_first_rule_that_fits_counts() -> None:
    """So an exact one can stand before a broad one."""
    exact = RefusalRule(code="temporarily_unavailable", status=400, text="again")
    broad = RefusalRule(code="invalid_client", status=400)
    assert judged(400, b"again", exact, broad) == Deferred("temporarily_unavailable")
    assert judged(400, b"never", exact, broad) == CLIENT


def test_a_success_is_never_a_refusal() -> None:
    """A rule that fits the answer's status does not cost the tokens in it."""
    rule = RefusalRule(code="invalid_grant", status=200)
    assert isinstance(judged(200, {"access_token": "new"}, rule), Exchanged)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "invalid_grant", "error_description": "token request is already being processed"}),
        (400, {"error": "invalid_grant", "error_description": "Token request is already being processed."}),
        *(
            (400, {"error": "invalid_request", member: f"Malformed. {hint}"})
            for member in ("error_description", "error_hint")
            for hint in (
                "Failed to refresh: multiple concurrent requests using the same token which is not allowed.",
                "Failed to refresh: multiple concurrent requests using the same token. Please retry.",
            )
        ),
    ],
)
def test_another_request_under_way_is_temporary_everywhere(status: int, body: object) -> None:
    """Salesforce's words and those of Ory's fosite: nothing is dead, and no operator has anything to mend."""
    assert judged(status, body) == BUSY


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "would fit any answer"),
        ({"on": "refresh"}, "would fit any answer"),
        *(({"status": status}, "never says anything") for status in (408, 425, 429, 500, 503)),
    ],
)
def test_a_rule_that_says_too_much_is_refused(options: dict[str, Any], message: str) -> None:
    """One that fits anything, or calls an outage an answer, would kill good links."""
    with pytest.raises(ValueError, match=message):
        RefusalRule(code="invalid_grant", **options)


def test_a_rule_needs_a_code_that_means_something() -> None:
    """A slip in it is told when the rules are made."""
    with pytest.raises(ValueError, match="refusals: invalid_garnt is on no list"):
        ReplyRules(refusals=[RefusalRule(code="invalid_garnt", status=401)])


@given(text=st.text("ab*", max_size=8), pattern=st.text("ab*", max_size=8))
def test_a_star_stands_for_any_text(text: str, pattern: str) -> None:
    """As in the plainest definition there is, tried in every way."""

    def plain(text: str, pattern: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(plain(text[start:], pattern[1:]) for start in range(len(text) + 1))
        return text[:1] == pattern[0] and plain(text[1:], pattern[1:])

    assert plain(text, pattern) == matches(text, pattern)


ENVELOPE = ReplyRules(tokens_at=("body",), scope_separator=",", throttles={"601": timedelta(minutes=1)})


def opened(status: int, body: object, previous: TokenSet | None = BEFORE) -> ExchangeOutcome:
    """Judge an answer in Withings' envelope."""
    reply = Reply(status, {}, json.dumps(body).encode())
    return judge(reply, ENVELOPE, asked_at=NOW, previous=previous)


@pytest.mark.parametrize("previous", [None, BEFORE])
def test_tokens_in_an_envelope(previous: TokenSet | None) -> None:
    """The tokens and what goes with them are read where the rules say that they stand."""
    given = {"access_token": "new", "refresh_token": "rt-2", "expires_in": 60, "scope": "a,b"}
    expected = TokenSet(
        "new", "rt-2", expires_at=NOW + timedelta(minutes=1), scopes=frozenset({"a", "b"}), issued_at=NOW
    )
    assert opened(200, {"status": 0, "body": given}, previous) == Exchanged(expected)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"access_token": "new"}, Exchanged(TokenSet("new", issued_at=NOW))),
        (200, {"status": 0, "body": {"error": "invalid_grant"}}, DEAD),
        (200, {"status": 0, "error": "invalid_grant", "body": {}}, DEAD),
        (200, {"status": 0, "body": {}}, Unknown("unreadable_reply")),
        (200, {"status": 0, "body": [1]}, Unknown("unreadable_reply")),
        (200, {"status": 503, "body": {}, "error": "odd"}, Deferred(UNRECOGNIZED)),
        (
            200,
            {"status": 601, "body": {}, "error": "odd"},
            Deferred("601", timedelta(minutes=1), of_grant=True),
        ),
    ],
)
def test_errors_and_tokens_beside_an_envelope(status: int, body: object, expected: ExchangeOutcome) -> None:
    """Both places are read, since an error may stand at either."""
    assert opened(status, body) == expected


@pytest.mark.parametrize(
    ("body", "days"),
    [
        ({"refresh_token_timeout": 5 * 86400}, 5),
        ({"refresh_token_timeout": 5 * 86400, "refresh_token_expires_in": 86400}, 5),
        ({"refresh_token_timeout": 5 * 86400, "authorization_expires_in": 90 * 86400}, 5),
        ({"refresh_token_timeout": 5 * 86400, "authorization_expires_in": 2 * 86400}, 2),
        ({"authorization_expires_in": "259200"}, 3),
        ({"refresh_token_expires_at": "2026-01-12T03:04:05Z"}, 10),
        ({"refresh_token_expires_at": int(NOW.timestamp()) + 86400}, 1),
        ({"refresh_token_expires_at": "2026-01-12T03:04:05Z", "authorization_expires_in": 86400}, 1),
        ({"refresh_token_expires_at": "2026-01-12T03:04:05Z", "refresh_expires_in": 86400}, 1),
        ({"refresh_token_timeout": 0, "authorization_expires_in": -1, "refresh_token_expires_at": "x"}, None),
    ],
)
def test_when_the_refresh_token_ends(body: dict[str, object], days: float | None) -> None:
    """By the draft's members and by an instant; no refresh token outlives its authorization."""
    reply = Reply(200, {}, json.dumps({"access_token": "at", "refresh_token": "rt", **body}).encode())
    outcome = judge(reply, ReplyRules(), asked_at=NOW)
    assert isinstance(outcome, Exchanged)
    expected = None if days is None else NOW + timedelta(days=days)
    assert expected == outcome.tokens.refresh_token_expires_at


def test_a_number_is_compared_as_text() -> None:
    """Codes are often numbers, in the rule as in the answer."""
    rule = RefusalRule(code="invalid_grant", members={"code": 101})
    assert rule == RefusalRule(code="invalid_grant", members={"code": "101"})


def test_what_was_presented_is_one_of_two() -> None:
    """A slip would make a rule that never fits, and a dead link would never be told."""
    with pytest.raises(ValueError, match=r"^on must be 'refresh' or 'code', or None for both$"):
        RefusalRule(code="invalid_grant", status=400, on="refersh")  # type: ignore[arg-type]


def test_a_status_is_a_number() -> None:
    """The error says so, in place of one about a comparison."""
    with pytest.raises(TypeError, match=r"^status must be an int, not str$"):
        RefusalRule(code="invalid_grant", status="400")  # type: ignore[arg-type]
