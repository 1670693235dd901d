from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

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
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULES = ReplyRules()
GITHUB = ReplyRules(dead_codes={"bad_refresh_token"}, scope_separator=",")


def judged(
    status: int, body: object, rules: ReplyRules = RULES, previous: TokenSet | None = None, **headers: str
) -> ExchangeOutcome:
    """Judge a JSON body, or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lowered = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Reply(status, lowered, content), rules, asked_at=NOW, previous=previous)


def tokens_of(body: object, rules: ReplyRules = RULES) -> TokenSet:
    """Return the tokens of an answer that is a success."""
    outcome = judged(200, body, rules)
    assert isinstance(outcome, Exchanged)
    return outcome.tokens


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 429, 503])
def test_a_token_without_an_error_is_a_success_whatever_the_status(status: int) -> None:
    """The body is read before the status."""
    assert Exchanged(TokenSet("at-1", issued_at=NOW)) == judged(status, {"access_token": "at-1"})


def test_a_full_answer_is_kept_whole() -> None:
    """Every member of RFC 6749 section 5.1 finds its place."""
    body = {
        "access_token": "at-1",
        "refresh_token": "rt-1",
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "read write",
        "instance_url": "https://eu.provider.example",
        "id_token": "not asked for",
    }

    expected = TokenSet(
        "at-1",
        refresh_token="rt-1",
        expires_at=NOW + timedelta(hours=1),
        scopes=frozenset({"read", "write"}),
        token_type="bearer",
        extra={"instance_url": "https://eu.provider.example"},
        issued_at=NOW,
    )
    assert expected == tokens_of(body, ReplyRules(extra_fields=["instance_url", "absent"]))


BASIC = 'Basic realm="tokens"'


@pytest.mark.parametrize(
    ("status", "challenge", "body", "expected"),
    [
        (401, BASIC, b"Unauthorized", ClientRejected("invalid_client")),
        (401, BASIC, b"", ClientRejected("invalid_client")),
        (401, "basic", b"", ClientRejected("invalid_client")),
        (401, f'Bearer realm="a, Basic b", {BASIC}', b"", ClientRejected("invalid_client")),
        (401, BASIC, {"message": "Bad credentials"}, ClientRejected("invalid_client")),
        # Spring's answer.
        (401, BASIC, {"status": 401, "error": "Unauthorized"}, ClientRejected("invalid_client")),
        # A code says what it says.
        (401, BASIC, {"error": "invalid_grant"}, GrantRejected("invalid_grant")),
        (401, BASIC, {"error": "something_new"}, Deferred("unrecognized_error")),
        (401, BASIC, {"errors": [{"code": 17}]}, Deferred("http_401")),
        (401, BASIC, {"access_token": "at-1", "error": "x"}, Unknown("unrecognized_error")),
        # Nothing else asks for the client.
        (401, 'Bearer realm="a, Basic b"', b"", Deferred("http_401")),
        (401, "Bearer", b"Unauthorized", Deferred("http_401")),
        (403, BASIC, b"", Deferred("http_403")),
        (503, BASIC, b"", Unknown("http_503")),
    ],
)
def test_a_401_that_asks_for_basic_rejects_the_client(
    status: int, challenge: str, body: object, expected: ExchangeOutcome
) -> None:
    """RFC 6749 section 5.2: so a server answers a client that it does not believe, code or no code."""
    assert expected == judged(status, body, www_authenticate=challenge)
    assert expected == judged(status, body, www_authenticate=challenge, previous=TokenSet("at-0", "rt-0"))


@pytest.mark.parametrize("error", [None, "", False, 0, [], {}])
def test_an_empty_error_is_none(error: object) -> None:
    """A provider that always sends the member has not failed."""
    assert isinstance(judged(200, {"access_token": "at-1", "error": error, "ok": True}), Exchanged)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        # The body's error counts, be it with status 200.
        (400, {"error": "invalid_grant"}, GrantRejected("invalid_grant")),
        (200, {"error": "invalid_grant"}, GrantRejected("invalid_grant")),
        (403, {"error": "invalid_grant"}, GrantRejected("invalid_grant")),
        (200, {"access_token": "at-1", "error": "invalid_grant"}, GrantRejected("invalid_grant")),
        (200, {"access_token": "", "error": "invalid_grant"}, GrantRejected("invalid_grant")),
        # The client, not the grant.
        (401, {"error": "invalid_client"}, ClientRejected("invalid_client")),
        (400, {"error": "unauthorized_client"}, ClientRejected("unauthorized_client")),
        (400, {"error": "unsupported_grant_type"}, ClientRejected("unsupported_grant_type")),
        (400, {"error": "invalid_request"}, ClientRejected("invalid_request")),
        (400, {"error": "invalid_scope"}, ClientRejected("invalid_scope")),
        (200, {"error": "incorrect_client_credentials"}, ClientRejected("incorrect_client_credentials")),
        (200, {"ok": False, "error": "bad_client_secret"}, ClientRejected("bad_client_secret")),
        (200, {"ok": False, "error": "invalid_client_id"}, ClientRejected("invalid_client_id")),
        (200, {"error": "invalid_client_secret"}, ClientRejected("invalid_client_secret")),
        (200, {"error": "redirect_uri_mismatch"}, ClientRejected("redirect_uri_mismatch")),
        # For the time being.
        (400, {"error": "temporarily_unavailable"}, Deferred("temporarily_unavailable")),
        (200, {"error": "server_error"}, Deferred("server_error")),
        (400, {"error": "slow_down"}, Deferred("slow_down")),
        (400, {"error": "access_denied"}, Deferred("unrecognized_error")),
        (400, {"error": "INVALID_GRANT"}, Deferred("unrecognized_error")),
        (400, {"error": 17}, Deferred("unrecognized_error")),
        (400, {"error": True}, Deferred("unrecognized_error")),
        (400, {"error": ["invalid_grant"]}, Deferred("unrecognized_error")),
        # In camel case, as Okta's errors are (github.com/okta/okta-idx-java, issue 500).
        (401, {"errorCode": "invalid_client", "errorSummary": "no such"}, ClientRejected("invalid_client")),
        (400, {"error": {"ErrorCode": "invalid_grant"}}, GrantRejected("invalid_grant")),
        (200, {"errorCode": "E0000047"}, Deferred("unrecognized_error")),
        (200, {"ok": False}, Deferred("unrecognized_error")),
        (403, {}, Deferred("http_403")),
        (403, {"message": "API rate limit exceeded"}, Deferred("http_403")),
        (401, b"", Deferred("http_401")),
        (404, b"<html>not here</html>", Deferred("http_404")),
        (302, b"", ClientRejected("redirected", "it redirects to another path, where no token is sent")),
        (101, b"", Deferred("http_101")),
        # A rate limit says nothing about the grant, whatever its body does.
        (408, {"error": "invalid_grant"}, Deferred("http_408")),
        (425, {"error": "invalid_grant"}, Deferred("http_425")),
        (429, {"error": "invalid_grant"}, Deferred("http_429")),
        # A 5xx may come after the token was used up.
        (500, {"error": "invalid_grant"}, Unknown("http_500")),
        (503, {"error": "invalid_client"}, Unknown("http_503")),
        (502, b"<html>Bad Gateway</html>", Unknown("http_502")),
        (503, {"access_token": "at-1", "error": "server_error"}, Unknown("http_503")),
        # A success that nobody can read.
        (200, b"", Unknown("unreadable_reply")),
        (204, b"", Unknown("unreadable_reply")),
        (200, b"not json", Unknown("unreadable_reply")),
        (200, b"[" * 100_000, Unknown("unreadable_reply")),
        (200, b'{"access_token": "at-1"', Unknown("unreadable_reply")),
        (200, b"\xff\xfe\xfd", Unknown("unreadable_reply")),
        (200, ["at-1"], Unknown("unreadable_reply")),
        (200, "at-1", Unknown("unreadable_reply")),
        (200, {}, Unknown("unreadable_reply")),
        (200, {"access_token": ""}, Unknown("unreadable_reply")),
        (200, {"access_token": None}, Unknown("unreadable_reply")),
        (200, {"access_token": 17}, Unknown("unreadable_reply")),
        (200, {"refresh_token": "rt-1"}, Unknown("unreadable_reply")),
        # A token beside an error that nobody knows.
        (200, {"access_token": "at-1", "error": "odd"}, Unknown("unrecognized_error")),
        (200, {"access_token": "at-1", "ok": False}, Unknown("unrecognized_error")),
        # Tokens that no store could keep.
        (200, {"access_token": "at\0"}, Unknown("unstorable_tokens")),
        (200, {"access_token": "\ud800"}, Unknown("unstorable_tokens")),
        (200, {"access_token": "at-1", "refresh_token": "rt\0"}, Unknown("unstorable_tokens")),
        (200, {"access_token": "at-1", "refresh_token": "\udfff"}, Unknown("unstorable_tokens")),
    ],
)
def test_an_answer_is_classified(status: int, body: object, expected: ExchangeOutcome) -> None:
    """One row per case of the classification."""
    assert expected == judged(status, body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "invalid_grant", "message": "x"}},
        {"error": {"type": "invalid_grant"}},
        {"error": {"status": "invalid_grant", "code": 400}},
        {"errors": [{"errorType": "invalid_grant"}]},
        {"errors": [17, None, {"code": "invalid_grant"}]},
        {"status": "invalid_grant", "message": "x"},
        {"error": "other", "code": "invalid_grant"},
    ],
)
def test_known_codes_are_found_where_providers_put_them(body: object) -> None:
    """Nested objects, lists and members of other names hold the code as well."""
    assert GrantRejected("invalid_grant") == judged(400, body)


@pytest.mark.parametrize(
    "body", [{"error": {}}, {"errors": "no list"}, {"error": {"code": {}}}, {"error": {"deep": [{}]}}]
)
def test_odd_error_objects_settle_nothing(body: object) -> None:
    """Whatever stands there, the judge stays calm."""
    assert isinstance(judged(400, body), Deferred)


def test_a_preset_says_what_is_dead() -> None:
    """A dead code wins over the list of client codes, and replaces the default list."""
    gitea = ReplyRules(dead_codes={"invalid_grant", "unauthorized_client"})

    assert GrantRejected("unauthorized_client") == judged(400, {"error": "unauthorized_client"}, gitea)
    assert GrantRejected("bad_refresh_token") == judged(200, {"error": "bad_refresh_token"}, GITHUB)
    assert Deferred("unrecognized_error") == judged(200, {"error": "invalid_grant"}, GITHUB)


def test_the_wait_asked_for_goes_along() -> None:
    """Retry-After reaches the temporary and the unknown outcomes."""
    wait = timedelta(seconds=30)

    assert Deferred("http_429", wait) == judged(429, {}, retry_after="30")
    assert Deferred("http_403", wait) == judged(403, {}, retry_after="30")
    assert Deferred("slow_down", wait) == judged(400, {"error": "slow_down"}, retry_after="30")
    assert Deferred("unrecognized_error", wait) == judged(400, {"error": "odd"}, retry_after="30")
    assert Unknown("http_503", wait) == judged(503, {}, retry_after="30")
    assert Unknown("unreadable_reply", wait) == judged(200, {}, retry_after="30")


def test_a_form_encoded_answer_is_read() -> None:
    """GitHub answers so where no Accept header says otherwise, with status 200 for errors."""
    success = b"access_token=at-1&refresh_token=rt%2F1&expires_in=28800&scope=repo%2Cgist&token_type=bearer"

    expected = TokenSet(
        "at-1",
        refresh_token="rt/1",
        expires_at=NOW + timedelta(hours=8),
        scopes=frozenset({"repo", "gist"}),
        token_type="bearer",
        issued_at=NOW,
    )
    assert expected == tokens_of(success, GITHUB)
    failure = b"error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect.\n"
    assert GrantRejected("bad_refresh_token") == judged(200, failure, GITHUB)


@pytest.mark.parametrize(
    "body",
    [
        b'<a href="/login?x=1&error=invalid_grant&y=2">',
        b"see &error=invalid_grant& for more",
        b"error=invalid_grant&error=server_error",
        b"error=invalid_grant&plain",
        b"error=invalid_grant&x=\xff y",
        b"error=invalid_grant&" + b"&".join(b"a%d=1" % number for number in range(200)),
    ],
)
def test_text_that_only_looks_like_a_form_settles_nothing(body: bytes) -> None:
    """A page with a link in it never kills a grant."""
    assert Deferred("http_400") == judged(400, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "invalid_grant", "error_description": "expir\xe9"}',
        b'{"error": "invalid_grant", "error_description": "two\nlines"}',
        b'\xef\xbb\xbf{"error": "invalid_grant"}',
        '{"error": "invalid_grant"}'.encode("utf-16"),
        b"error=invalid_grant&error_description=expir%E9",
        b"error=invalid_grant&error_description=expir\xe9",
        b"\xef\xbb\xbferror=invalid_grant",
        b"error=invalid_grant&state=a&state=b",
    ],
)
def test_a_fault_in_another_member_hides_no_error(body: bytes) -> None:
    """What is not UTF-8, or said twice, costs the member that it stands in."""
    assert GrantRejected("invalid_grant") == judged(400, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "at-1", "refresh_token": "rt-\xe9"}',
        b'{"access_token": "at-\xe9", "refresh_token": "rt-1"}',
        b'{"access_token": "at-1", "refresh_token": "rt-\\ud800"}',
        b"access_token=at-1&refresh_token=rt-%E9",
        b"access_token=at-1&refresh_token=rt-\xe9",
    ],
)
def test_a_token_that_cannot_be_read_is_not_guessed(body: bytes) -> None:
    """Another text than the provider's own would be presented, and refused."""
    assert Unknown("unstorable_tokens") == judged(200, body)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_two_tokens_of_a_form_are_as_good_as_none(name: str) -> None:
    """Nobody can tell which of them works; of other members the first counts."""
    form = b"access_token=at-1&refresh_token=rt-1&id_token=it-1&scope=a&scope=b"

    assert frozenset({"a"}) == tokens_of(form).scopes
    assert Unknown("unreadable_reply") == judged(200, form + b"&%s=other" % name.encode())


def test_of_two_members_of_json_the_last_counts() -> None:
    """As every usual parser has it, the provider's own among them."""
    assert tokens_of(b'{"access_token": "at-0", "access_token": "at-1"}').access_token == "at-1"


def test_a_form_that_may_have_been_cut_off_is_no_answer() -> None:
    """Half a token looks like a token, and half an error code like another; JSON has an end mark."""

    def cut(status: int, body: bytes) -> ExchangeOutcome:
        return judge(Reply(status, {}, body, end_marked=False), RULES, asked_at=NOW)

    assert Unknown("unreadable_reply") == cut(200, b"access_token=at-1&refresh_token=rt-1")
    assert Deferred("http_400") == cut(400, b"error=invalid_grant")
    assert isinstance(cut(200, b'{"access_token": "at-1"}'), Exchanged)
    assert GrantRejected("invalid_grant") == cut(400, b'{"error": "invalid_grant"}')


@pytest.mark.parametrize("body", [{"access_token": "at-1"}, {"access_token": "at-1", "refresh_token": None}])
@pytest.mark.parametrize("odd", ["", 17, ["rt-1"], {"rt": 1}, True])
def test_a_missing_or_odd_refresh_token_is_none(body: dict[str, Any], odd: object) -> None:
    """The service then carries the old one forward; the success is not thrown away."""
    assert tokens_of(body).refresh_token is None
    assert tokens_of({**body, "refresh_token": odd}).refresh_token is None


@pytest.mark.parametrize(
    ("scope", "separator", "expected"),
    [
        ("read write", " ", {"read", "write"}),
        ("  read   write ", " ", {"read", "write"}),
        ("read\twrite\r\n", " ", {"read", "write"}),
        ("read,write", " ", {"read,write"}),
        ("read, write", ",", {"read", "write"}),
        ("read+write,admin", "+,", {"read", "write", "admin"}),
        (["read", "write", "", 17, None], " ", {"read", "write"}),
        ("", " ", set[str]()),
        (None, " ", set[str]()),
        (17, " ", set[str]()),
        ({"read": True}, " ", set[str]()),
        ("read wri\0te \ud800", " ", {"read"}),
        (["read", "wri\0te", "\ud800"], " ", {"read"}),
    ],
)
def test_scopes_are_split_as_the_rules_say(scope: object, separator: str, expected: set[str]) -> None:
    """Text or a list; what cannot be kept is left out."""
    tokens = tokens_of({"access_token": "at-1", "scope": scope}, ReplyRules(scope_separator=separator))

    assert expected == tokens.scopes


@pytest.mark.parametrize(
    ("body", "none"),
    [
        ({"scope": ""}, True),
        ({"scope": " , "}, True),
        ({"scope": []}, True),
        ({"scope": "", "scopes": []}, True),
        ({"scope": "", "scopes": ["a"]}, False),
        ({"scope": "a", "scopes": ""}, False),
        ({"scope": None}, False),
        ({"scope": 17}, False),
        ({"scope": [17]}, False),
        ({"scope": "\ud800"}, False),
        ({}, False),
    ],
)
def test_an_answer_that_grants_no_scope_says_so(body: dict[str, Any], none: bool) -> None:
    """An empty scope is an answer; one that is missing or cannot be read is none."""
    rules = ReplyRules(scope_separator=",", scope_fields=("scope", "scopes"))
    outcome = judged(200, {"access_token": "at-1", **body}, rules)
    assert isinstance(outcome, Exchanged)
    assert outcome.no_scopes is none


@pytest.mark.parametrize(
    ("form", "none"), [(b"&scope=", True), (b"&scope=&refresh_token=&error=", True), (b"", False)]
)
def test_a_form_may_grant_no_scope(form: bytes, none: bool) -> None:
    """As GitHub answers unless it is asked for JSON."""
    outcome = judged(200, b"access_token=at-1&token_type=bearer" + form)
    assert isinstance(outcome, Exchanged)
    assert (outcome.no_scopes, outcome.tokens.refresh_token) == (none, None)


def test_scopes_that_were_not_named_are_left_out() -> None:
    """RFC 6749 section 5.1: unchanged, so the service carries them forward."""
    assert frozenset() == tokens_of({"access_token": "at-1"}).scopes


@pytest.mark.parametrize(
    ("token_type", "expected"),
    [
        ("bearer", "bearer"),
        ("User Access Token", "User Access Token"),
        ("", "Bearer"),
        (None, "Bearer"),
        (17, "Bearer"),
        ("bea\0rer", "Bearer"),
        ("\ud800", "Bearer"),
    ],
)
def test_the_token_type_is_kept_or_bearer(token_type: object, expected: str) -> None:
    """An odd type never costs the tokens."""
    assert expected == tokens_of({"access_token": "at-1", "token_type": token_type}).token_type


def test_an_extra_member_that_no_store_could_keep_is_left_out() -> None:
    """NUL, lone surrogates, numbers beyond JSON and deep nesting would fail the save of good tokens."""
    body = (
        b'{"access_token": "at-1", "kept": {"a": [1, null, "\\u00e9"]}, "nul": "\\u0000", '
        b'"lone": ["\\ud800"], "nan": NaN, "key": {"\\u0000": 1}, "deep": ' + b"[" * 600 + b"]" * 600 + b"}"
    )
    rules = ReplyRules(extra_fields={"kept", "nul", "lone", "nan", "key", "deep"})

    assert tokens_of(body, rules).extra == {"kept": {"a": [1, None, "é"]}}


def test_an_unknown_lifetime_is_estimated() -> None:
    """From the previous tokens, and else from the rules."""
    previous = TokenSet("at-0", issued_at=NOW - timedelta(hours=2), expires_at=NOW - timedelta(hours=1))
    rules = ReplyRules(default_lifetime=timedelta(minutes=15))

    refreshed = judged(200, {"access_token": "at-1"}, rules, previous)
    first = judged(200, {"access_token": "at-1"}, rules)

    assert isinstance(refreshed, Exchanged)
    assert isinstance(first, Exchanged)
    assert NOW + timedelta(hours=1) == refreshed.tokens.expires_at
    assert NOW + timedelta(minutes=15) == first.tokens.expires_at


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dead_codes": {"rt-1 in a sentence"}}, "dead_codes: a code is 1 to 64"),
        ({"client_codes": {"x" * 65}}, "client_codes: a code is 1 to 64"),
        ({"dead_codes": "invalid_grant"}, "not one str"),
        ({"scope_separator": ""}, "scope_separator must not be empty"),
        ({"default_lifetime": timedelta(0)}, "default_lifetime must be longer than zero"),
        ({"extra_fields": {"refresh_token"}}, "extra_fields must not name a token"),
    ],
)
def test_bad_rules_are_refused(options: dict[str, Any], message: str) -> None:
    """A mistake in a preset is a ValueError when it is made."""
    with pytest.raises(ValueError, match=message):
        ReplyRules(**options)


def test_a_reply_shows_its_status_only() -> None:
    """Body and headers may hold secrets."""
    reply = Reply(200, {"set-cookie": "hidden"}, b'{"access_token": "hidden"}')

    assert repr(reply) == "Reply(status=200)"


SECRET = "hidden-17"
MEMBERS = st.sampled_from(
    [
        "access_token",
        "refresh_token",
        "error",
        "errors",
        "ok",
        "code",
        "status",
        "scope",
        "token_type",
        "expires_in",
        "kept",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([SECRET, f"{SECRET}\0", f"\ud800{SECRET}", "invalid_grant", "invalid_client", "60"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=6,
)
BODIES = (
    st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(MEMBERS, VALUES, max_size=8).map(lambda value: json.dumps(value).encode())
    | st.dictionaries(MEMBERS, st.text(alphabet="ab&=%+ é"), max_size=5).map(
        lambda value: urlencode(value).encode()
    )
)
RETRY_AFTER = st.text() | st.integers().map(str) | st.datetimes().map(str)


@given(
    status=st.integers(100, 999),
    body=BODIES,
    retry_after=RETRY_AFTER,
    reset=RETRY_AFTER,
    rules=st.sampled_from([RULES, GITHUB, ReplyRules(extra_fields={"kept", "status", "errors"})]),
)
def test_any_answer_gets_an_outcome(
    status: int, body: bytes, retry_after: str, reset: str, rules: ReplyRules
) -> None:
    """Whatever comes, the judge raises nothing, shows no secret, and waits a bounded time."""
    headers = {"retry-after": retry_after, "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}

    outcome = judge(Reply(status, headers, body), rules, asked_at=NOW)

    if not isinstance(outcome, Exchanged):
        assert SECRET not in repr(outcome)
    if isinstance(outcome, GrantRejected):
        assert outcome.code in rules.dead_codes
        assert status < 500
    if isinstance(outcome, (Deferred, Unknown)) and outcome.retry_after is not None:
        assert timedelta(0) < outcome.retry_after <= timedelta(hours=1)


@given(status=st.integers(100, 999), junk=st.dictionaries(MEMBERS, st.integers() | st.none()))
def test_no_outcome_shows_a_token(status: int, junk: dict[str, object]) -> None:
    """The repr of every outcome, success or not, masks the tokens of the answer."""
    body = {**junk, "access_token": SECRET, "refresh_token": SECRET}

    assert SECRET not in repr(judged(status, body))
