from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.reading.id_token import checked_claims
from extauth.domain.link import Account
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import Exchanged, GrantRejected

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
ISSUER = "https://issuer.example"
CLAIMS = {
    "iss": ISSUER,
    "aud": "client",
    "sub": "u-1",
    "exp": EPOCH + 60,
    "iat": EPOCH,
    "nonce": "n-1",
    "preferred_username": "ada",
    "name": "Ada L.",
    "picture": "https://issuer.example/ada.png",
}
ADA = Account("u-1", login="ada", display_name="Ada L.", avatar_url="https://issuer.example/ada.png")
ABSENT = object()


def jwt(claims: object) -> str:
    """Return an unsigned token with these claims."""
    payload = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def checked(id_token: object, *, issuer: str | None = ISSUER, nonce: str | None = "n-1") -> Any:
    """Check a token for this client, that came with the access token at-1."""
    return checked_claims(
        id_token, client_id="client", issuer=issuer, nonce=nonce, access_token="at-1", now=NOW
    )


def half_hash(access_token: str, algorithm: str = "sha256") -> str:
    """Return the at_hash of an access token (OpenID Connect Core section 3.1.3.6)."""
    digest = hashlib.new(algorithm, access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": ["client"]},
        {"aud": ["other", "client"], "azp": "client"},
        {"azp": "client"},
        {"exp": EPOCH - 59},
        {"exp": EPOCH + 0.5},
        {"exp": 10**400},
        {"sub": "x" * 255},
        {"iat": EPOCH + 60, "nbf": EPOCH + 60},
        {"iat": EPOCH - 86400, "nbf": EPOCH - 86400.5},
        {"iat": EPOCH + 50_400, "nbf": EPOCH + 50_460},
        {"iat": None, "nbf": None, "at_hash": None},
        {"at_hash": half_hash("at-1")},
        {"at_hash": f"{half_hash('at-1')}=="},
        {"at_hash": half_hash("at-1", "sha384")},
        {"at_hash": half_hash("at-1", "sha512")},
    ],
)
def test_a_good_token_gives_its_claims(changed: dict[str, object]) -> None:
    """OpenID Connect Core section 3.1.3.7, with a minute's grace for clocks; hours for ``iat``."""
    claims = {**CLAIMS, **changed}

    assert claims == checked(jwt(claims))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://issuer.example/"}, "id_token_issuer"),
        ({"iss": ABSENT}, "id_token_issuer"),
        ({"iss": ["https://issuer.example"]}, "id_token_issuer"),
        ({"aud": "other"}, "id_token_audience"),
        ({"aud": "client2"}, "id_token_audience"),
        ({"aud": []}, "id_token_audience"),
        ({"aud": ABSENT}, "id_token_audience"),
        ({"aud": {"client": 1}}, "id_token_audience"),
        ({"aud": [["client"]]}, "id_token_audience"),
        ({"aud": ["client", "other"]}, "id_token_authorized_party"),
        ({"aud": ["client", "other"], "azp": "other"}, "id_token_authorized_party"),
        ({"azp": "other"}, "id_token_authorized_party"),
        ({"azp": None}, "id_token_authorized_party"),
        ({"exp": EPOCH - 60}, "id_token_expired"),
        ({"exp": ABSENT}, "id_token_expired"),
        ({"exp": True}, "id_token_expired"),
        ({"exp": str(EPOCH + 60)}, "id_token_expired"),
        ({"exp": float("nan")}, "id_token_expired"),
        ({"nonce": "n-2"}, "id_token_nonce"),
        ({"nonce": ABSENT}, "id_token_nonce"),
        ({"nonce": None}, "id_token_nonce"),
        ({"nbf": EPOCH + 61}, "id_token_not_yet_valid"),
        ({"nbf": 10**400}, "id_token_not_yet_valid"),
        ({"nbf": float("nan")}, "id_token_not_yet_valid"),
        ({"nbf": str(EPOCH)}, "id_token_not_yet_valid"),
        ({"nbf": True}, "id_token_not_yet_valid"),
        ({"nbf": EPOCH + 3661, "iat": EPOCH + 3600}, "id_token_not_yet_valid"),
        ({"iat": EPOCH + 50_401}, "id_token_issued_in_future"),
        ({"iat": float("inf")}, "id_token_issued_in_future"),
        ({"iat": str(EPOCH)}, "id_token_issued_in_future"),
        ({"at_hash": half_hash("at-2")}, "id_token_access_token"),
        ({"at_hash": half_hash("at-2", "sha512")}, "id_token_access_token"),
        ({"at_hash": half_hash("at-1")[:-2]}, "id_token_access_token"),
        ({"at_hash": half_hash("at-1")[:4]}, "id_token_access_token"),
        ({"at_hash": ""}, "id_token_access_token"),
        ({"at_hash": "é" * 22}, "id_token_access_token"),
        ({"at_hash": [half_hash("at-1")]}, "id_token_access_token"),
        ({"sub": ""}, "id_token_subject"),
        ({"sub": 17}, "id_token_subject"),
        ({"sub": "x" * 256}, "id_token_subject"),
        ({"sub": ABSENT}, "id_token_subject"),
    ],
)
def test_a_token_for_something_else_is_rejected(changed: dict[str, object], code: str) -> None:
    """Each claim that ties it to this client and authorization is checked."""
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not ABSENT}

    assert IdTokenRejected(code) == checked(jwt(claims))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c.d.e",
        "a.!.c",
        "a.W10.c",
        "a.bm8.c",
        "a.é.c",
        jwt([]),
        jwt(None),
        17,
        None,
        {},
        "a." + urlsafe_b64encode(b"[" * 90000).decode() + ".c",
    ],
)
def test_what_is_no_signed_token_is_unreadable(token: object) -> None:
    """Encrypted ones are not asked for."""
    assert IdTokenRejected("id_token_unreadable") == checked(token)


def test_a_claim_that_is_not_utf_8_hides_no_other() -> None:
    """A name in Latin-1 is no reason to refuse the user."""
    payload = json.dumps(CLAIMS).encode().replace(b"Ada L.", b"Ren\xe9")

    claims = checked(f"e30.{urlsafe_b64encode(payload).rstrip(b'=').decode()}.c2ln")

    assert attrs.evolve(ADA, display_name=None) == AccountPaths().account(claims)


def test_without_an_issuer_any_is_taken() -> None:
    """Providers with an issuer for each tenant; there has to be one nevertheless."""
    assert not isinstance(
        checked(jwt({**CLAIMS, "iss": "https://tenant.example"}), issuer=None), IdTokenRejected
    )
    assert checked(jwt({**CLAIMS, "iss": ""}), issuer=None) == IdTokenRejected("id_token_issuer")


@pytest.mark.parametrize(
    ("issuer", "iss", "good"),
    [
        ("https://accounts.google.com", "https://accounts.google.com", True),
        ("https://accounts.google.com", "accounts.google.com", True),
        ("https://accounts.google.com", "accounts.google.com.evil.example", False),
        ("https://accounts.google.com", None, False),
        (ISSUER, "issuer.example", False),
    ],
)
def test_google_may_leave_the_scheme_out_of_its_issuer(issuer: str, iss: str | None, good: bool) -> None:
    """OpenID Connect Core section 15.6.2; nobody else may."""
    claims = checked(jwt({**CLAIMS, "iss": iss}), issuer=issuer)

    assert (claims != IdTokenRejected("id_token_issuer")) is good


def test_a_nonce_that_was_not_sent_is_not_looked_for() -> None:
    """The device flow has none."""
    assert not isinstance(checked(jwt(CLAIMS), nonce=None), IdTokenRejected)


@given(st.dictionaries(st.sampled_from([*CLAIMS, "azp", "nbf", "at_hash"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*CLAIMS.values()]),
    lambda inner: st.lists(inner, max_size=3),
)))  # fmt: skip
def test_any_claims_are_judged(claims: dict[str, object]) -> None:
    """Nothing is raised, and nothing accepted that is for another client."""
    found = checked(jwt(claims))

    if not isinstance(found, IdTokenRejected):
        assert found["iss"] == ISSUER
        assert found["nonce"] == "n-1"
        assert found["aud"] == "client" or "client" in found["aud"]


@pytest.mark.parametrize(
    ("answer", "paths", "expected"),
    [
        (CLAIMS, AccountPaths(), ADA),
        ({"sub": 17}, AccountPaths(), Account("17")),
        (
            {"user": {"id": -5, "n": {"a": "b"}}},
            AccountPaths(id=("user", "id"), login=("user", "n", "a"), display_name=None, avatar_url=None),
            Account("-5", login="b"),
        ),
        ({"sub": "u", "name": "", "picture": 1.5, "preferred_username": "\0"}, AccountPaths(), Account("u")),
        ({"sub": "u", "name": 17}, AccountPaths(), Account("u", display_name="17")),
        ({}, AccountPaths(), None),
        ({"sub": ""}, AccountPaths(), None),
        ({"sub": True}, AccountPaths(), None),
        ({"sub": ["u"]}, AccountPaths(), None),
        ({"sub": "\ud800"}, AccountPaths(), None),
        ({"sub": "x" * 256}, AccountPaths(), None),
        ({"sub": 10**400}, AccountPaths(), None),
        ({"user": "u"}, AccountPaths(id=("user", "id")), None),
        ({"sub": "u"}, AccountPaths(id=()), None),
    ],
)
def test_an_account_is_found_where_the_paths_say(
    answer: dict[str, object], paths: AccountPaths, expected: Account | None
) -> None:
    """Without an id there is none; what else is odd is left out."""
    assert expected == paths.account(answer)


class FixedClock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW


async def linked(server: Any, *, body: dict[str, object], nonce: str | None = None, **options: Any) -> Any:
    """Exchange a code for this answer."""
    server.answer(200, json.dumps({"access_token": "at-1", **body}).encode())
    client = OAuth2Provider(
        "example", client_id="client", client_secret="s", token_url=server.url, clock=FixedClock(), **options
    )
    return await client.exchange_code("code-1", redirect_uri="https://app.example/cb", nonce=nonce)


IN_REPLY = IdentityRules(in_reply=AccountPaths(id=("owner", "id"), login=("owner", "name")))
OPENID = {"openid": True, "issuer": ISSUER}


@pytest.mark.parametrize(
    ("options", "body", "nonce", "expected"),
    [
        (OPENID, {"id_token": jwt(CLAIMS)}, "n-1", ADA),
        (OPENID, {"id_token": jwt(CLAIMS)}, None, ADA),
        (OPENID, {}, None, None),
        (OPENID, {"id_token": ""}, None, None),
        ({}, {"id_token": jwt(CLAIMS)}, "n-1", ADA),
        ({"identity": IdentityRules(in_id_token=True)}, {"id_token": jwt(CLAIMS)}, None, ADA),
        # Nobody asked for it, so nobody looks at it.
        ({}, {"id_token": "junk"}, None, None),
        ({}, {"id_token": jwt(CLAIMS)}, None, None),
        # The answer's own word comes first.
        ({"identity": IN_REPLY}, {"owner": {"id": 7, "name": "ada"}}, None, Account("7", login="ada")),
        ({"identity": IN_REPLY}, {"owner": {}}, None, None),
        (
            {"identity": IN_REPLY, **OPENID},
            {"owner": {"id": 7}, "id_token": jwt(CLAIMS)},
            "n-1",
            Account("7"),
        ),
        ({"identity": IN_REPLY, **OPENID}, {"id_token": jwt(CLAIMS)}, "n-1", ADA),
        # Not without its check: the code may be someone else's.
        (OPENID, {}, "n-1", "id_token_missing"),
        (OPENID, {"id_token": ""}, "n-1", "id_token_missing"),
        (OPENID, {"id_token": jwt(CLAIMS)}, "n-2", "id_token_nonce"),
        # The user may have unticked it, and the answer says so; an ID token that is there is checked even so.
        (OPENID, {"scope": "email profile"}, "n-1", None),
        (OPENID, {"scope": ""}, "n-1", None),
        (OPENID, {"scope": ["email"]}, "n-1", None),
        (OPENID, {"scope": "email openid"}, "n-1", "id_token_missing"),
        (OPENID, {"scope": None}, "n-1", "id_token_missing"),
        (OPENID, {"scope": "email", "id_token": jwt(CLAIMS)}, "n-2", "id_token_nonce"),
        (OPENID, {"scope": "email", "id_token": jwt(CLAIMS)}, "n-1", ADA),
        (OPENID, {"id_token": jwt({**CLAIMS, "iss": "x"})}, None, "id_token_issuer"),
        (OPENID, {"id_token": jwt({**CLAIMS, "aud": "x"})}, None, "id_token_audience"),
        (OPENID, {"id_token": jwt({**CLAIMS, "at_hash": half_hash("at-1")})}, "n-1", ADA),
        (OPENID, {"id_token": jwt({**CLAIMS, "at_hash": half_hash("at-2")})}, "n-1", "id_token_access_token"),
        (OPENID, {"id_token": "junk"}, None, "id_token_unreadable"),
        (
            {"identity": IN_REPLY, **OPENID},
            {"owner": {"id": 7}, "id_token": jwt(CLAIMS)},
            "n-2",
            "id_token_nonce",
        ),
    ],
)
async def test_a_code_s_answer_says_whose_tokens_they_are(
    server: Any, options: dict[str, Any], body: dict[str, object], nonce: str | None, expected: object
) -> None:
    """From the answer itself or its ID token, which is checked wherever it is looked at."""
    outcome = await linked(server, body=body, nonce=nonce, **options)

    if isinstance(expected, str):
        assert IdTokenRejected(expected) == outcome
    else:
        assert isinstance(outcome, Exchanged)
        assert outcome.tokens.access_token == "at-1"
        assert expected == outcome.account


async def test_an_error_needs_no_id_token(server: Any) -> None:
    """A rejected code is a rejected code."""
    outcome = await linked(server, body={"error": "invalid_grant"}, nonce="n-1", **OPENID)

    assert GrantRejected("invalid_grant") == outcome


async def test_a_device_s_answer_says_whose_tokens_they_are(server: Any) -> None:
    """As a code's, but for the nonce that the device flow does not have."""
    server.answer(200, json.dumps({"access_token": "at-1", "id_token": jwt(CLAIMS)}).encode())
    server.answer(200, json.dumps({"access_token": "at-1", "id_token": jwt({**CLAIMS, "aud": "x"})}).encode())
    client = OAuth2Provider(
        "example",
        client_id="client",
        client_secret="s",
        token_url=server.url,
        clock=FixedClock(),
        openid=True,
    )

    good, bad = await client.poll_device("dc-1"), await client.poll_device("dc-1")

    assert isinstance(good, Exchanged)
    assert good.account == ADA
    assert IdTokenRejected("id_token_audience") == bad
