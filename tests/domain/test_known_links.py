"""Which of two states of a link a process takes for the newer one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Link, LinkKey, TokenSet
from extauth.domain.known_links import KnownLinks
from extauth.domain.link import Account

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = LinkKey("scripted", "alice")


def state(
    number: int, *, version: int | None = None, written: int | None = None, user: str = "alice"
) -> Link:
    """The link after so many refreshes, an hour apart; ``version`` and ``written`` may be another's."""
    moment = NOW + number * HOUR
    tokens = TokenSet(f"at-{number}", f"rt-{number}", issued_at=moment)
    updated_at = moment if written is None else NOW + written * HOUR
    key = attrs.evolve(KEY, user_id=user)
    version = number if version is None else version
    return Link(key, tokens, version=version, created_at=NOW, updated_at=updated_at)


def knowing(*links: Link, most: int = 10) -> KnownLinks:
    """Somebody who has seen these one after the other."""
    known = KnownLinks(most)
    for link in links:
        assert known.note(link) is None
    return known


def test_what_is_stored_is_newer():
    """As long as the store loses nothing."""
    known = knowing(state(1), state(2), state(2), state(5))
    assert not known.is_behind(state(6))


def test_an_older_state():
    """It is known by version and time, without any other sign; nothing else is forgotten for it."""
    known = knowing(state(1), state(3))
    assert known.note(state(2)) == state(3)
    assert known.is_behind(state(1))
    assert known.note(state(3)) is None


def test_a_new_authorization_under_a_version_that_was_lost():
    """It was written later, and issued later: whatever its version, it is no older state."""
    known = knowing(state(1), state(3))
    known.went_back()
    assert known.note(state(4, version=2)) is None


def test_what_another_replica_has_put_back():
    """It has a later time and may have a higher version: what counts is what replaced its refresh token."""
    known = knowing(state(1), state(2), state(3))
    put_back = state(2, version=7, written=9)
    assert not known.is_behind(put_back)
    known.went_back()
    assert known.note(put_back) == state(3)


def test_what_was_put_back_and_never_seen_here():
    """Of it is known only that it was issued before."""
    known = knowing(state(1), state(3))
    known.went_back()
    assert known.note(state(2, version=7, written=9)) == state(3)


def test_the_same_tokens_put_back():
    """They are what is known, under another version."""
    known = knowing(state(1), state(3))
    known.went_back()
    assert known.note(state(3, version=2, written=9)) is None


def test_each_link_is_doubted_once():
    """Later the provider may well give the user a refresh token again that it gave before."""
    known = knowing(state(1), state(2), state(3))
    known.went_back()
    assert known.note(state(3)) is None
    again = state(1, version=9, written=9)
    assert known.note(again) is None


def test_it_is_doubted_again_each_time_that_the_store_goes_back():
    """A second failover may bring the same older state as the first one."""
    known = knowing(state(1), state(2), state(3))
    for _ in range(3):
        known.went_back()
        assert known.note(state(1, version=9, written=9)) == state(3)
        assert known.note(state(3)) is None


def test_one_that_was_first_seen_since_is_not_doubted():
    """What is known of it is what the store has had after it went back."""
    known = knowing()
    known.went_back()
    assert known.note(state(3)) is None
    assert known.note(state(1, version=9, written=9)) is None


def test_another_one_of_the_same_moment():
    """Servers say when to the second: of two in one second neither is taken for the older one."""
    first = state(3)
    known = knowing(first)
    known.went_back()
    tokens = TokenSet("at-x", "rt-x", issued_at=first.tokens.issued_at)
    assert known.note(attrs.evolve(first, tokens=tokens, version=4)) is None


def test_a_lineage_that_goes_far_back():
    """Eight refresh tokens of a link are known; an older one is known by when it was issued."""
    known = knowing(*(state(number) for number in range(1, 12)))
    known.went_back()
    for number in range(1, 11):
        assert known.is_behind(attrs.evolve(state(number, version=20, written=20)))
    unsaid = state(3, version=20, written=20)
    unsaid = attrs.evolve(unsaid, tokens=TokenSet("at-3", "rt-3"))
    assert known.is_behind(unsaid)
    too_old = attrs.evolve(unsaid, tokens=TokenSet("at-2", "rt-2"))
    assert not known.is_behind(too_old)


def test_a_refresh_token_that_stays():
    """Where a provider does not renew it, it was never replaced."""
    links = [attrs.evolve(state(number), tokens=TokenSet(f"at-{number}", "rt")) for number in (1, 2, 3)]
    known = knowing(*links)
    known.went_back()
    assert known.note(attrs.evolve(links[0], version=8, updated_at=NOW + 9 * HOUR)) is None


def test_no_more_than_so_many():
    """Those that were used last."""
    known = knowing(*(state(1, user=name) for name in ("a", "b", "c")), most=3)
    known.note(state(1, user="a"))
    known.note(state(1, user="d"))
    assert [key.user_id for key in known.went_back()] == ["c", "a", "d"]
    assert len(known) == 3


@pytest.mark.parametrize("most", [0, 1])
def test_none(most):
    """Nothing is known that need not be."""
    known = knowing(state(3), most=most)
    assert known.is_behind(state(1)) is bool(most)
    known.forget(KEY)
    known.forget(KEY)
    assert not known.is_behind(state(1))
    assert len(known) == 0


class TestLatest:
    """Which link is looked at to see whether the store has gone back."""

    def test_is_the_one_that_was_written_last(self):
        """However it came to be known: a store that has lost anything has lost this."""
        known = knowing(state(1, user="a"), state(3, user="b"), state(2, user="c"))
        assert known.latest == state(3, user="b")
        known.note(state(4, user="c"))
        assert known.latest == state(4, user="c")

    def test_is_no_other_of_the_same_moment(self):
        """The one that is known is as good."""
        known = knowing(state(1, user="a"), state(1, user="b"))
        assert known.latest == state(1, user="a")

    def test_is_what_that_link_is_now(self):
        """Also once it was put back under an earlier time."""
        known = knowing(state(1, user="a"), state(3, user="b"))
        earlier = state(3, version=4, written=2, user="b")
        known.note(earlier)
        assert known.latest == earlier

    def test_is_as_it_was_read_last(self):
        """Also where nothing was written but beside its credentials."""
        known = knowing(state(1, user="a"), state(3, user="b"))
        named = attrs.evolve(state(3, user="b"), account=Account("7"))
        known.note(named)
        assert known.latest == named

    def test_is_another_under_the_version_of_one_that_was_lost(self):
        """What has gone back gives a version again, to what is written then."""
        known = knowing(state(1, user="a"), state(3, user="b"))
        known.went_back()
        again = state(4, version=1, user="a")
        known.note(again)
        assert known.latest == again

    def test_is_none_once_its_user_has_disconnected(self):
        """It is gone from the store, too; another link's end changes nothing."""
        known = knowing(state(1, user="a"), state(2, user="b"))
        known.forget(LinkKey("scripted", "a"))
        assert known.latest == state(2, user="b")
        known.forget(LinkKey("scripted", "b"))
        assert known.latest is None
