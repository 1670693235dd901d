"""Links made of rows, most of which are what they were at the last reading."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from extauth import LinkKey, TokenSet
from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql import row_cache
from extauth.adapters.sql.row_cache import Decoder
from extauth.domain.link import Link

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def row(user="alice", *, version=1, extra="", pending_since=None, resource_tokens=""):
    """A row as both databases give it, as far as the decoder looks."""
    found = dict.fromkeys(range(29))
    found |= {column.PROVIDER_ID: "github", column.USER_ID: user, column.VERSION: version}
    found |= {column.OAUTH_EXTRA: extra, column.OAUTH_RESOURCE_TOKENS: resource_tokens}
    found |= {column.PENDING_SINCE: pending_since, column.LEASE_LEFT: 0}
    return tuple(found.values())


def decode(given):
    """Make a link of a row: a new one each time."""
    extra = {"instance": given[column.OAUTH_EXTRA]} if given[column.OAUTH_EXTRA] else {}
    return Link(
        LinkKey(given[column.PROVIDER_ID], given[column.USER_ID]),
        TokenSet("at-1", extra=extra),
        given[column.VERSION],
        NOW,
        NOW,
    )


@pytest.fixture
def decoder():
    """A decoder of such rows."""
    return Decoder(decode)


def read(decoder, given):
    """Return the link of one row."""
    return decoder.links([given])[given[column.PROVIDER_ID], given[column.USER_ID]]


def test_an_equal_row_gives_the_same_link(decoder):
    """What was made of it once is not made again."""
    assert read(decoder, row()) is read(decoder, row())


def test_what_a_write_returned_is_not_made_again(decoder):
    """A row read after it, equal in every column of a link, gives the same link."""
    saved = decoder.link((*row(version=2), None, "more", "columns"))
    assert saved is read(decoder, (*row(version=2), None))
    assert read(decoder, (*row(version=3), None)) is not saved


def test_a_row_that_changed_is_decoded(decoder):
    """A link is never that of an earlier row."""
    first = read(decoder, row())
    assert attrs.evolve(first, version=2) == read(decoder, row(version=2))


def test_a_row_that_changed_back_is_right_too(decoder):
    """Only the last row of a key counts."""
    read(decoder, row(version=1))
    read(decoder, row(version=2))
    assert read(decoder, row(version=1)).version == 1


def test_links_of_several_rows_are_by_key(decoder):
    """Each is found under its own key."""
    found = decoder.links([row("alice"), row("bob")])
    assert list(found) == [("github", "alice"), ("github", "bob")]


def test_a_reader_has_its_own_extra(decoder):
    """A dict that one reader changes is not another one's."""
    first = read(decoder, row(extra="a"))
    assert first is not read(decoder, row(extra="a"))


def test_a_row_with_an_exchange_under_way_is_not_kept(decoder):
    """The time left of its lease is another at each reading."""
    first = read(decoder, row(pending_since=1))
    assert first is not read(decoder, row(pending_since=1))


def test_the_oldest_is_dropped_when_there_are_too_many(decoder, monkeypatch):
    """Memory is bounded."""
    monkeypatch.setattr(row_cache, "MOST_REMEMBERED", 2)
    alice = read(decoder, row("alice"))
    bob = read(decoder, row("bob"))
    read(decoder, row("carol"))
    assert bob is read(decoder, row("bob"))
    assert alice is not read(decoder, row("alice"))


def test_a_reader_has_its_own_resource_tokens(decoder):
    """Tokens for single resources are a dict too."""
    first = read(decoder, row(resource_tokens="{}"))
    assert first is not read(decoder, row(resource_tokens="{}"))
