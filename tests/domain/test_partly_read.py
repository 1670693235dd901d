"""Links whose parts are made when they are looked at: nothing that they say depends on that."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import Link, LinkKey, RefreshPolicy, TokenSet
from extauth.domain.at_a_glance import Glance, written_at
from extauth.domain.freshness import SERVE, decide
from extauth.domain.link import Account, GrantOrigin, PendingExchange, RefreshFailure
from extauth.domain.partly_read import unread_of
from extauth.domain.policy import ProviderTraits
from extauth.domain.stored_link import has_two_texts, keyed, opened_like, stored_link
from extauth.domain.token_set import ResourceToken

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORIGIN = GrantOrigin("client", "https://provider.example/token")
WHOLE = Link(
    LinkKey("github", "alice"),
    TokenSet(
        "at-1",
        "rt-1",
        expires_at=NOW + HOUR,
        scopes={"repo"},
        token_type="bearer",
        extra={"instance": "eu"},
        access_token_key_id="key",
        refresh_token_key_id="key",
        issued_at=NOW,
        refresh_token_expires_at=NOW + 24 * HOUR,
    ),
    version=3,
    created_at=NOW - HOUR,
    updated_at=NOW,
    origin=ORIGIN,
    account=Account("1", "alice"),
)


class Counted:
    """What is unread of a link, and how often somebody looked."""

    def __init__(self, whole: Link) -> None:
        self._whole = whole
        self.looks: list[str] = []

    def link_parts(self):
        self.looks.append("link")
        return _values(self._whole, "key", "created_at", "updated_at", "account")

    def token_parts(self):
        self.looks.append("tokens")
        times = "expires_at", "issued_at", "refresh_token_expires_at"
        return _values(self._whole.tokens, *times, "scopes", "token_type", "resource_tokens")

    def micros(self, name):
        instant = {"updated_at": self._whole.updated_at, "expires_at": self._whole.tokens.expires_at}[name]
        return None if instant is None else (instant - EPOCH) // timedelta(microseconds=1)


def _values(value, *names):
    return {name: getattr(value, name) for name in names}


def partly(whole: Link = WHOLE) -> tuple[Link, Counted]:
    """The same link, of which only the tokens' texts and the marks were read."""
    unread = Counted(whole)
    link = stored_link(
        unread,
        version=whole.version,
        access_token=whole.tokens.access_token,
        refresh_token=whole.tokens.refresh_token,
        key_ids=(whole.tokens.access_token_key_id, whole.tokens.refresh_token_key_id),
        extra=whole.tokens.extra,
        origin=whole.origin,
        pending=whole.pending,
    )
    return link, unread


def test_it_is_equal_to_one_that_was_made_whole():
    """Both ways round, and with the same hash and repr."""
    link, _ = partly()
    assert link == WHOLE
    assert link == WHOLE
    assert hash(WHOLE.key) == hash(link.key)
    assert repr(WHOLE) == repr(link)


@pytest.mark.parametrize(
    "copied",
    [
        lambda link: pickle.loads(pickle.dumps(link)),  # noqa: S301 - our own
        copy.copy,
        copy.deepcopy,
        attrs.evolve,
    ],
    ids=["pickle", "copy", "deepcopy", "evolve"],
)
def test_a_copy_is_whole(copied):
    """It takes nothing of the row along."""
    link, _ = partly()
    copy_of_it = copied(link)
    assert copy_of_it == WHOLE
    assert unread_of(copy_of_it) is None


def test_parts_are_made_once_and_when_one_is_looked_at():
    """What nobody looks at costs nothing."""
    link, unread = partly()
    assert (WHOLE.tokens.access_token, 3, None) == (link.tokens.access_token, link.version, link.failure)
    assert unread.looks == []
    assert (link.created_at, link.account) == (WHOLE.created_at, WHOLE.account)
    assert unread.looks == ["link"]
    assert (link.tokens.scopes, link.tokens.issued_at) == ({"repo"}, NOW)
    assert unread.looks == ["link", "tokens"]


def test_it_has_no_attributes_that_a_link_has_not():
    """A misspelled name is told as ever, whether or not something is unread; so is what copying asks for."""
    for link in (WHOLE, partly()[0]):
        with pytest.raises(AttributeError, match=r"^'Link' object has no attribute 'acount'$"):
            link.acount  # noqa: B018 - that is the test
        assert not hasattr(link.tokens, "__deepcopy__")
        assert not hasattr(link, "_other")


def test_nobody_can_write_to_it():
    """It is as frozen as any."""
    link, _ = partly()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        link.version = 4


def test_opened_texts_take_the_place_of_sealed_ones():
    """Of a link that was partly read and of a whole one; nothing else changes, but that no key is named."""
    marked = attrs.evolve(WHOLE, failure=RefreshFailure("http_503", NOW, 3, retry_at=NOW))
    pending = attrs.evolve(WHOLE, pending=PendingExchange(NOW, live=True))
    for whole, link in (
        (WHOLE, partly()[0]),
        (WHOLE, WHOLE),
        (marked, marked),
        (pending, partly(pending)[0]),
    ):
        tokens = attrs.evolve(
            whole.tokens,
            access_token="at",
            refresh_token="rt",
            access_token_key_id=None,
            refresh_token_key_id=None,
        )
        opened = opened_like(link, "at", "rt")
        assert attrs.evolve(whole, tokens=tokens) == opened
        assert opened.tokens.extra is not link.tokens.extra


def test_opening_makes_no_parts():
    """Of a link that was partly read: what nobody looks at still costs nothing."""
    link, unread = partly()
    opened = opened_like(link, "at", "rt")
    assert unread.looks == []
    assert opened.tokens.resource_tokens == {}


def test_each_text_has_its_own_key():
    """While keys are rotated they may be encrypted with different ones."""
    tokens = attrs.evolve(WHOLE.tokens, access_token_key_id="one", refresh_token_key_id="other")
    link, unread = partly(attrs.evolve(WHOLE, tokens=tokens))
    assert (link.tokens.access_token_key_id, link.tokens.refresh_token_key_id) == ("one", "other")
    assert link.tokens.resource_tokens == {}
    assert unread.looks == []


def test_the_key_that_it_was_asked_for_by():
    """Takes the place of the one that would be made; a link that was made whole stays as it is."""
    link, unread = partly()
    asked = LinkKey("github", "alice")
    assert keyed(link, asked).key is asked
    assert unread.looks == []
    assert keyed(WHOLE, asked).key is WHOLE.key is not asked


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"extra": {}}, True),
        ({}, False),
        ({"extra": {}, "resource_tokens": {"https://api.example": ResourceToken("at")}}, False),
        ({"resource_tokens": {"https://api.example": ResourceToken("at")}}, False),
    ],
)
def test_what_is_encrypted_of_it(changes, expected):
    """Two texts, or more."""
    assert has_two_texts(attrs.evolve(WHOLE, tokens=attrs.evolve(WHOLE.tokens, **changes))) is expected


def test_when_it_was_written():
    """The same of both, and no time is made for it."""
    link, unread = partly()
    assert written_at(WHOLE) == written_at(link) == NOW.timestamp() * 1e6
    assert unread.looks == []


instants = st.none() | st.integers(-900, 900).map(lambda seconds: NOW + timedelta(seconds=seconds / 3))


@given(instants, instants, st.booleans(), st.booleans(), st.booleans())
def test_a_glance_serves_only_what_would_be_served(expires_at, issued_at, failed, pending, revokes):
    """Whatever it says nothing about is decided as ever."""
    whole = attrs.evolve(
        WHOLE,
        tokens=attrs.evolve(WHOLE.tokens, expires_at=expires_at, issued_at=issued_at),
        failure=RefreshFailure("http_503", NOW, 3, retry_at=NOW + HOUR) if failed else None,
        pending=PendingExchange(NOW, live=True) if pending else None,
    )
    link = whole if failed else partly(whole)[0]
    policy = RefreshPolicy()
    if Glance(policy).serves(link, NOW.timestamp()):
        traits = ProviderTraits(refresh_revokes_access_token=revokes)
        assert decide(whole, NOW, policy, traits) == SERVE


def test_a_glance_is_enough_for_the_everyday_link():
    """No time is made; nor is it where the provider names none. Of a whole link it says nothing."""
    link, unread = partly()
    assert Glance(RefreshPolicy()).serves(link, NOW.timestamp())
    endless = attrs.evolve(WHOLE, tokens=attrs.evolve(WHOLE.tokens, expires_at=None))
    assert Glance(RefreshPolicy()).serves(partly(endless)[0], NOW.timestamp())
    assert unread.looks == []
    assert not Glance(RefreshPolicy()).serves(WHOLE, NOW.timestamp())


@pytest.mark.parametrize("microseconds", [-3, 0, 1, 2, 3, 4])
def test_a_glance_is_as_sure_as_a_float_is(microseconds):
    """Seconds since 1970 are a microsecond off at most: nearer to its end all is decided as ever."""
    policy = RefreshPolicy()
    ahead = max(policy.refresh_ahead, policy.min_validity)
    tokens = attrs.evolve(WHOLE.tokens, expires_at=NOW + ahead + timedelta(microseconds=microseconds))
    link, _ = partly(attrs.evolve(WHOLE, tokens=tokens))
    assert Glance(policy).serves(link, NOW.timestamp()) is (microseconds > 2)
