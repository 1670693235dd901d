from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth.adapters.oauth2.token.expiry import LONGEST_LIFETIME, expiry, lifetime
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import ResourceToken, TokenSet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def jwt(claims: object) -> str:
    """Return an unsigned token with these claims."""
    payload = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3600, HOUR),
        (3600.0, HOUR),
        (0.5, timedelta(milliseconds=500)),
        ("3600", HOUR),
        (" 3600 ", HOUR),
        ("3600.5", HOUR + timedelta(milliseconds=500)),
        (315_360_000, LONGEST_LIFETIME),
        (315_360_001, None),
        (0, None),
        ("0", None),
        (1e-9, None),
        (-1, None),
        ("-1", None),
        (True, None),
        (None, None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 5000, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ([3600], None),
        ({"seconds": 3600}, None),
    ],
)
def test_expires_in_is_read_strictly(value: Any, expected: timedelta | None) -> None:
    """A positive number of seconds, or a string of one; everything else says nothing."""
    assert expected == lifetime(value)


def test_expires_in_counts_from_before_the_request() -> None:
    """The expiry errs on the early side."""
    assert expiry({"expires_in": 3600}, access_token="at-1", asked_at=NOW) == NOW + HOUR


def test_the_provider_s_word_wins_over_every_estimate() -> None:
    """expires_in is the first choice."""
    previous = TokenSet("at-0", issued_at=NOW - HOUR, expires_at=NOW)

    found = expiry(
        {"expires_in": 60},
        access_token=jwt({"exp": NOW.timestamp() + 120}),
        asked_at=NOW,
        previous=previous,
        default=HOUR,
    )

    assert NOW + timedelta(seconds=60) == found


def test_the_last_lifetime_is_taken_when_the_provider_says_nothing() -> None:
    """A provider that said an hour once and now leaves it out has not changed its mind."""
    previous = TokenSet("at-0", issued_at=NOW - 3 * HOUR, expires_at=NOW - 2 * HOUR)

    found = expiry(
        {"expires_in": 0}, access_token=jwt({"exp": 1e10}), asked_at=NOW, previous=previous, default=2 * HOUR
    )

    assert found == NOW + HOUR


def test_a_jwt_s_own_exp_is_believed_before_another_token_s_lifetime() -> None:
    """A provider may give the same token again until it ends, or change how long its tokens work."""
    previous = TokenSet("at-0", issued_at=NOW - HOUR, expires_at=NOW)
    token = jwt({"exp": int(NOW.timestamp()) + 90})

    assert expiry({}, access_token=token, asked_at=NOW, previous=previous) == NOW + timedelta(seconds=90)


def test_the_last_lifetime_is_that_of_the_same_resource() -> None:
    """Or else the grant's own, the best guess there is."""
    mail = ResourceToken("mail-0", expires_at=NOW, issued_at=NOW - timedelta(minutes=5))
    previous = TokenSet("at-0", issued_at=NOW - HOUR, expires_at=NOW, resource_tokens={"mail": mail})

    def found(resource: str | None) -> datetime | None:
        return expiry({}, access_token="at-1", asked_at=NOW, previous=previous, resource=resource)

    assert found("mail") == NOW + timedelta(minutes=5)
    assert found("files") == found(None) == NOW + HOUR


def test_a_token_that_a_refresh_has_ended_tells_nothing_of_lifetimes() -> None:
    """It was cut off: with each such refresh the next one would be taken to live for less."""
    mail = ResourceToken("mail-0", expires_at=NOW + HOUR, issued_at=NOW)
    cut_off = TokenSet(
        "at-0", issued_at=NOW - timedelta(minutes=1), expires_at=NOW, resource_tokens={"mail": mail}
    )
    kills = ProviderTraits(refresh_revokes_access_token=True)

    def found(previous: TokenSet, traits: ProviderTraits) -> datetime | None:
        return expiry(
            {}, access_token="at-1", asked_at=NOW, previous=previous, traits=traits, default=2 * HOUR
        )

    assert found(cut_off, kills) == NOW + 2 * HOUR
    assert found(attrs.evolve(cut_off, resource_tokens={}), kills) == NOW + timedelta(minutes=1)
    assert found(cut_off, ProviderTraits()) == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    "previous",
    [
        None,
        TokenSet("at-0"),
        TokenSet("at-0", expires_at=NOW),
        TokenSet("at-0", issued_at=NOW),
        TokenSet("at-0", issued_at=NOW, expires_at=NOW),
        TokenSet("at-0", issued_at=NOW, expires_at=NOW - HOUR),
        TokenSet("at-0", issued_at=NOW, expires_at=NOW + LONGEST_LIFETIME + HOUR),
    ],
)
def test_a_jwt_s_exp_is_next_when_no_sane_lifetime_is_known(previous: TokenSet | None) -> None:
    """RFC 7519 section 4.1.4, unverified, where the previous tokens tell nothing."""
    token = jwt({"exp": int(NOW.timestamp()) + 90})

    found = expiry({}, access_token=token, asked_at=NOW, previous=previous, default=HOUR)

    assert NOW + timedelta(seconds=90) == found


@pytest.mark.parametrize(
    "token",
    [
        "at-1",
        "a.b",
        "a.b.c.d",
        "a.!.c",
        "a.é.c",
        "a.W10.c",
        "a.bm8.c",
        jwt({}),
        jwt({"exp": "soon"}),
        jwt({"exp": True}),
        jwt({"exp": None}),
        jwt({"exp": NOW.timestamp()}),
        jwt({"exp": NOW.timestamp() - 1}),
        jwt({"exp": NOW.timestamp() * 1000}),
        jwt({"exp": 10**400}),
        jwt({"exp": -(10**400)}),
        jwt({"exp": float("nan")}),
        jwt({"exp": float("inf")}),
        jwt({"exp": NOW.timestamp() + 90, "padding": "x" * 20_000}),
        jwt([]),
        "a." + urlsafe_b64encode(b"[" * 9_000).decode() + ".c",
    ],
)
def test_the_default_is_last(token: str) -> None:
    """No hint that can be believed leaves the preset's own, or none."""
    assert expiry({}, access_token=token, asked_at=NOW, default=HOUR) == NOW + HOUR
    assert expiry({}, access_token=token, asked_at=NOW) is None
