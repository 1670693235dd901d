"""What was opened of a link is remembered by the texts that were stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Link, LinkKey, TokenSet
from extauth.adapters.encryption import opened as module
from extauth.adapters.encryption.opened import OpenedLinks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = LinkKey("github", "alice")
STORED = Link(KEY, TokenSet("sealed-1", "sealed-2", access_token_key_id="k"), 1, NOW, NOW)
OPENED = TokenSet("at-1", "rt-1")
EVER = float("inf")


@pytest.fixture
def links():
    """One link is remembered."""
    links = OpenedLinks()
    links.remember(STORED, OPENED, EVER)
    return links


def test_all_else_is_what_is_stored_now(links):
    """Of another reading of the row, in which something else has changed."""
    later = attrs.evolve(STORED, version=2, updated_at=NOW + timedelta(hours=1))
    assert attrs.evolve(later, tokens=OPENED) == links.of(later, KEY)


@pytest.mark.parametrize(
    "tokens",
    [
        TokenSet("sealed-1", "sealed-3"),
        TokenSet("sealed-3", "sealed-2"),
        TokenSet("sealed-1"),
        TokenSet("sealed-1", "sealed-2", extra={"instance": "sealed"}),
    ],
)
def test_other_texts_are_opened(links, tokens):
    """One of them is enough, and so is one more."""
    assert links.of(attrs.evolve(STORED, tokens=tokens), KEY) is None


def test_the_texts_of_another_link_are_opened(links):
    """There they do not open, which is for its key to say."""
    assert links.of(STORED, LinkKey("github", "bob")) is None


def test_no_longer_than_the_keys_may_be_kept():
    """By the clock that never goes back."""
    now = 1.0
    links = OpenedLinks(lambda: now)
    links.remember(STORED, OPENED, 2.0)
    assert attrs.evolve(STORED, tokens=OPENED) == links.of(STORED, KEY)
    now = 2.0
    assert links.of(STORED, KEY) is None


def test_the_oldest_is_dropped_when_there_are_too_many(monkeypatch):
    """Memory is bounded; what is opened again counts as new."""
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    links = OpenedLinks()
    keys = [LinkKey("github", name) for name in ("alice", "bob", "alice", "carol")]
    for key in keys:
        links.remember(attrs.evolve(STORED, key=key), OPENED, EVER)
    assert [
        links.of(attrs.evolve(STORED, key=key), key) is not None for key in (keys[0], keys[1], keys[3])
    ] == [True, False, True]


def test_no_repr_shows_a_text(links):
    """Nor one of what it keeps."""
    assert "sealed-1" not in repr(vars(links))
    assert "rt-1" not in repr(vars(links))
