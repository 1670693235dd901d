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
    reissued,
    same_access_tokens,
    same_tokens,
    seen_for,
    something_to_lose,
    token_works,
)
from extauth.domain.token_set import ResourceToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
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


@pytest.mark.parametrize("resource", [None, "files"])
def test_tokens_that_ended_long_ago_are_left_out(resource):
    """However many resources are used once, the link does not grow for ever; what may work yet is kept."""
    spans = {"long": -25 * HOUR, "a day": -24 * HOUR, "lately": -23 * HOUR, "soon": HOUR, "never": None}
    kept = {
        name: ResourceToken("at-" + name, expires_at=None if span is None else NOW + span)
        for name, span in spans.items()
    }
    after = after_exchange(link(resource_tokens=kept), ANSWER, resource, STRICT, NOW)
    assert {*after.resource_tokens} == {"lately", "soon", "never", *([resource] if resource else [])}


def test_sets_with_the_same_access_tokens():
    """Keys and times make no difference; any other access token does, wherever it is."""
    one = link().tokens
    assert same_access_tokens(one, attrs.evolve(one, access_token_key_id="k2", expires_at=None))
    assert not same_access_tokens(one, attrs.evolve(one, access_token="other"))
    assert not same_access_tokens(one, attrs.evolve(one, resource_tokens={"mail": MAIL}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"access_token_key_id": "k2", "refresh_token_key_id": "k2", "expires_at": None}, True),
        ({"refresh_token": "other"}, False),
        ({"refresh_token": None}, False),
        ({"access_token": "other"}, False),
        ({"resource_tokens": {"mail": MAIL}}, False),
    ],
)
def test_sets_with_the_same_tokens(changes, expected):
    """The refresh token counts as well as every access token."""
    one = link().tokens
    assert same_tokens(one, attrs.evolve(one, **changes)) is expected


def written_anew(whole: Link, **changes: Any) -> Link:
    """Return the link after another credential write."""
    tokens = attrs.evolve(whole.tokens, **changes)
    return attrs.evolve(whole, tokens=tokens, version=whole.version + 1, updated_at=NOW)


NEW_MAIL = {"mail": attrs.evolve(MAIL, issued_at=NOW), "files": FILES}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"issued_at": NOW}, {None}),
        ({"access_token": "at-new"}, {None}),
        ({"resource_tokens": NEW_MAIL}, {"mail"}),
        ({"resource_tokens": {"mail": MAIL, "files": attrs.evolve(FILES, access_token="new")}}, {"files"}),
        ({"resource_tokens": {"mail": MAIL, "files": FILES, "calendar": MAIL}}, {"calendar"}),
        ({"resource_tokens": {"mail": MAIL}}, {"files"}),
    ],
)
def test_which_tokens_a_write_has_issued(changes, expected):
    """Those with another text or time, in their place alone; not the others that the version moved under."""
    before = link()
    after = written_anew(before, **changes)
    places = (None, "mail", "files", "calendar")
    assert {place for place in places if reissued(after, before, place)} == expected


def test_a_token_without_a_time_was_issued_when_it_was_written():
    """So one of the same text in a later write is another."""
    before = link(issued_at=None)
    assert reissued(written_anew(before), before, None)


def test_without_another_version_nothing_was_issued():
    """A re-encryption writes the same tokens again, and says nothing of their times."""
    before = link()
    assert not reissued(attrs.evolve(before, tokens=attrs.evolve(before.tokens, issued_at=NOW)), before, None)


@pytest.mark.parametrize(
    ("changes", "own", "of_mail"),
    [({}, True, True), ({"issued_at": NOW}, False, True), ({"resource_tokens": NEW_MAIL}, True, False)],
)
def test_a_rejected_token_is_one_of_its_time(changes, own, of_mail):
    """One of the same text that was issued since is another, in its own place."""
    before = link()
    after = written_anew(before, **changes)
    assert RejectedToken("at", before).stands_in(after, None) is own
    assert RejectedToken("at-mail", before).stands_in(after, "mail") is of_mail


@pytest.mark.parametrize(
    ("text", "resource", "said", "expected"),
    [
        ("at", None, NOW - HOUR, NOW - HOUR + INSTANT),
        ("at", None, NOW - 2 * HOUR, NOW - HOUR + INSTANT),
        ("at", None, NOW, NOW),
        ("at", None, None, NOW),
        ("other", None, NOW - 2 * HOUR, NOW - 2 * HOUR),
        ("at-mail", "mail", NOW - HOUR, NOW - MINUTE + INSTANT),
        ("at", "mail", NOW - HOUR, NOW - HOUR),
        ("at", "calendar", NOW - HOUR, NOW - HOUR),
    ],
)
def test_a_token_of_the_same_text_is_later_than_the_one_before(text, resource, said, expected):
    """In the same place only; else the answer's time holds, or that of the exchange if it has none."""
    answer = attrs.evolve(ANSWER, access_token=text, issued_at=said)
    after = after_exchange(link(), answer, resource, STRICT, NOW)
    assert access_tokens(after)[resource].issued_at == expected


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
