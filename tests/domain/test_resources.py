"""Tokens for several resources under one grant, as pure functions of the link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import Link, LinkKey, ProviderTraits, TokenSet
from extauth.domain.resources import (
    RejectedToken,
    access_tokens,
    after_exchange,
    same_access_tokens,
    seen_for,
    something_to_lose,
    token_works,
)
from extauth.domain.token_set import ResourceToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
STRICT = ProviderTraits()
REVOKING = ProviderTraits(refresh_revokes_access_token=True)
MAIL = ResourceToken("at-mail", expires_at=NOW + HOUR, issued_at=NOW - MINUTE)
FILES = ResourceToken("at-files", expires_at=NOW - MINUTE, issued_at=NOW - HOUR)
ANSWER = TokenSet(
    "at-new",
    "rt-2",
    expires_at=NOW + HOUR,
    issued_at=NOW,
    scopes=frozenset({"narrow"}),
    extra={"about": "this one"},
    refresh_token_expires_at=NOW + 30 * HOUR,
)


def link(**changes: Any) -> Link:
    """Return a link with a token that works for one resource, and one that does not for another."""
    tokens = TokenSet(
        "at",
        "rt-1",
        expires_at=NOW + 2 * HOUR,
        issued_at=NOW - HOUR,
        scopes=frozenset({"wide"}),
        extra={"team": "T1"},
        access_token_key_id="k1",
        refresh_token_key_id="k1",
        resource_tokens={"mail": MAIL, "files": FILES},
    )
    return Link(LinkKey("p", "alice"), attrs.evolve(tokens, **changes), 3, NOW - HOUR, NOW - HOUR)


def test_without_a_resource_a_link_is_seen_as_it_is():
    """Callers who name no resource get the grant's own token."""
    whole = link()
    assert seen_for(whole, None) is whole


def test_a_link_seen_for_a_resource():
    """Access token and times are the resource's, and nothing else differs."""
    whole = link()
    seen = seen_for(whole, "mail")
    assert (seen.tokens.access_token, seen.tokens.expires_at, seen.tokens.issued_at) == (
        "at-mail",
        MAIL.expires_at,
        MAIL.issued_at,
    )
    own = {"access_token": "at", "expires_at": whole.tokens.expires_at, "issued_at": whole.tokens.issued_at}
    assert attrs.evolve(seen, tokens=attrs.evolve(seen.tokens, **own)) == whole


def test_a_resource_without_a_token_is_seen_to_have_none():
    """Nobody is handed the grant's own token for a resource that has none, or anything else."""
    assert seen_for(link(), "calendar") is None


@pytest.mark.parametrize(
    ("resource", "rejected", "expected"),
    [
        (None, None, True),
        (None, "at", False),
        ("mail", None, True),
        ("mail", "at", True),
        ("mail", "at-mail", False),
        ("files", None, False),
        ("calendar", None, False),
    ],
)
def test_whether_a_token_works(resource, rejected, expected):
    """There is one, it has not expired, and no API refuses it."""
    whole = link()
    refused = None if rejected is None else RejectedToken(rejected, whole)
    assert token_works(whole, resource, NOW, rejected=refused) is expected


def test_all_access_tokens_of_a_grant():
    """The grant's own is that of no resource."""
    whole = link()
    own = ResourceToken("at", whole.tokens.expires_at, whole.tokens.issued_at)
    assert access_tokens(whole.tokens) == {None: own, "mail": MAIL, "files": FILES}


@pytest.mark.parametrize(
    ("own_left", "mail_left", "rejected", "expected"),
    [
        (HOUR, -HOUR, None, True),
        (-HOUR, HOUR, None, True),
        (-HOUR, timedelta(0), None, False),
        (HOUR, -HOUR, "at", False),
        (HOUR, -HOUR, "at-mail", True),
        (HOUR, HOUR, "at", True),
        (-HOUR, HOUR, "at-mail", False),
        (None, -HOUR, None, True),
    ],
)
def test_something_to_lose(own_left, mail_left, rejected, expected):
    """As long as any access token of the grant works that no API refuses."""
    whole = link(
        expires_at=None if own_left is None else NOW + own_left,
        resource_tokens={"mail": attrs.evolve(MAIL, expires_at=NOW + mail_left)},
    )
    refused = None if rejected is None else RejectedToken(rejected, whole)
    assert something_to_lose(whole, NOW, rejected=refused) is expected


def test_an_answer_for_a_resource():
    """Its access token goes beside the others, its refresh token replaces the old one, and the rest of the
    answer is not about the grant."""
    whole = link()
    after = after_exchange(whole, ANSWER, "files", STRICT, NOW)
    assert after == attrs.evolve(
        whole.tokens,
        refresh_token="rt-2",
        refresh_token_key_id=None,
        refresh_token_expires_at=ANSWER.refresh_token_expires_at,
        resource_tokens={"mail": MAIL, "files": ResourceToken("at-new", NOW + HOUR, NOW)},
    )


def test_an_answer_without_a_refresh_token():
    """Where the provider does not rotate, the old one stays, with its key and its end."""
    whole = link(refresh_token_expires_at=NOW + HOUR)
    answer = attrs.evolve(ANSWER, refresh_token=None, refresh_token_expires_at=None)
    after = after_exchange(whole, answer, "files", STRICT, NOW)
    assert (after.refresh_token, after.refresh_token_key_id) == ("rt-1", "k1")
    assert after.refresh_token_expires_at == NOW + HOUR


def test_times_of_issue_are_filled_in():
    """What the look-ahead reckons with must not move with the next write, which is about another token."""
    whole = link(issued_at=None)
    after = after_exchange(whole, attrs.evolve(ANSWER, issued_at=None), "files", STRICT, NOW)
    assert after.issued_at == whole.updated_at
    assert after.resource_tokens["files"].issued_at == NOW


def test_a_plain_answer_keeps_the_tokens_of_resources():
    """A plain refresh replaces the grant's own access token and leaves the others."""
    whole = link()
    after = after_exchange(whole, ANSWER, None, STRICT, NOW)
    assert after == ANSWER.succeeding(whole.tokens)
    assert after.resource_tokens == {"mail": MAIL, "files": FILES}


@pytest.mark.parametrize(
    ("expires_at", "ends_at"),
    [(NOW + HOUR, NOW), (None, NOW), (NOW - HOUR, NOW - HOUR)],
)
def test_an_exchange_that_kills_the_others(expires_at, ends_at):
    """Where a refresh revokes the access token, no other one of the grant is left to hand out."""
    whole = link(expires_at=expires_at)
    after = after_exchange(whole, ANSWER, "files", REVOKING, NOW)
    assert set(after.resource_tokens) == {"files"}
    assert after.expires_at == ends_at
    assert after_exchange(whole, ANSWER, None, REVOKING, NOW).resource_tokens == {}


def test_sets_with_the_same_access_tokens():
    """Keys and times make no difference; any other access token does, wherever it is."""
    one = link().tokens
    assert same_access_tokens(one, attrs.evolve(one, access_token_key_id="k2", expires_at=None))
    assert not same_access_tokens(one, attrs.evolve(one, access_token="other"))
    assert not same_access_tokens(one, attrs.evolve(one, resource_tokens={"mail": MAIL}))


@pytest.mark.parametrize(
    ("said", "no_scopes", "expected"),
    [((), False, {"read"}), ((), True, set()), (("write",), False, {"write"})],
)
def test_scopes_after_an_exchange(said: Any, no_scopes: bool, expected: set[str]) -> None:
    """What the answer says counts, also that it is none; what it does not say stays."""
    whole, answer = link(scopes={"read"}), attrs.evolve(ANSWER, scopes=said)
    after = after_exchange(whole, answer, None, STRICT, NOW, no_scopes=no_scopes)
    of_resource = after_exchange(whole, answer, "files", STRICT, NOW, no_scopes=no_scopes)
    assert (set(after.scopes), set(of_resource.scopes)) == (expected, {"read"})
