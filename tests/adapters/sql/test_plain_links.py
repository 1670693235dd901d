"""Rows that become links without validators: only those of which nothing can turn out to be unreadable."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import StoreUnavailable
from extauth.adapters.postgres import row as of_postgres
from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.plain_links import PlainLinks
from extauth.adapters.sqlite.row import FIRST, LAST, Row, instant_from_micros
from extauth.adapters.sqlite.rows import _any_link, link_from_row, pending_from_row
from extauth.domain.link import Link
from extauth.domain.partly_read import unread_of

LATEST = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)
MOMENT = 1_900_000_000_000_000
ORDINARY = {
    "provider_id": "github",
    "user_id": "alice",
    "version": 3,
    "created_at": MOMENT,
    "updated_at": MOMENT + 1,
    "oauth_access_token": "at-1",
    "oauth_refresh_token": "rt-1",
    "oauth_expiry": MOMENT + 2,
    "oauth_issued_at": MOMENT + 3,
    "oauth_refresh_token_expiry": MOMENT + 4,
    "oauth_scopes": '["repo"]',
    "oauth_token_type": "bearer",
    "oauth_access_token_key_id": None,
    "oauth_refresh_token_key_id": None,
    "oauth_client_id": "client",
    "oauth_token_endpoint": "https://provider.example/token",
    "oauth_resource": None,
    "account_id": "1",
    "account_login": "alice",
    "account_display_name": "Älice",
    "account_avatar_url": None,
    "oauth_extra": '{"instance": "eu"}',
    "oauth_resource_tokens": "",
    "oauth_refresh_failure_reason": None,
    "oauth_refresh_failure_at": None,
    "oauth_refresh_failure_version": None,
    "oauth_refresh_failure_retry_at": None,
    "oauth_refresh_failure_attempts": None,
    "pending_since": None,
    "lease_left": 0,
}

ODD = [
    *(None, "", "text", "\0", "a\0b", "é", "\udc80", "x" * 255, "x" * 256, "é" * 256),
    *("{", "[1]", "{}", '{"a": NaN}', '{"a": "\0"}', '["repo", 1]', "null"),
    *(b"", b"text", b"\xff", 0, 1, -1, 1.5, float("inf"), float("nan"), True),
    *(FIRST, FIRST - 1, LAST, LAST + 1, 2**62, -(2**62), 1e300),
]


def row(**changes):
    """A row of a link with which all is well but for these."""
    values = ORDINARY | changes
    found = [None] * len(values)
    for name, value in values.items():
        found[getattr(column, name.upper())] = value
    return Row(tuple(found))


@pytest.fixture
def read():
    """What reads rows, and has read an ordinary one."""
    plain = PlainLinks(_any_link, pending_from_row, FIRST, LAST)
    plain.link(row())
    return plain.link


def looked_at(link: Link) -> Link:
    """Look at each part."""
    return attrs.evolve(link, tokens=attrs.evolve(link.tokens), key=attrs.evolve(link.key))


def outcome(make, *given):
    """Return what is made, or of what kind the error is."""
    try:
        return make(*given)
    except StoreUnavailable as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", ORDINARY)
def test_whatever_stands_in_a_column_it_is_read_as_ever(read, name):
    """With the same link or the same error, at the read; and nobody who looks at the link later is told
    anything else."""
    for odd in ODD:
        damaged = row(**{name: odd})
        whole, found = outcome(_any_link, damaged), outcome(read, damaged)
        # As text: not a number is equal to nothing.
        assert (odd, repr(whole)) == (odd, repr(found))
        if isinstance(found, Link):
            assert repr(whole) == repr(looked_at(found))


def test_an_ordinary_row_is_read_only_as_far_as_it_must():
    """Tokens and marks are there, times are not."""
    link = link_from_row(row())
    link = link_from_row(row(user_id="bob", version=4, account_id=None))
    assert unread_of(link) is not None
    assert (link.key.user_id, link.version, link.account) == ("bob", 4, None)
    assert instant_from_micros(MOMENT + 1) == link.updated_at


def test_an_exchange_under_way_is_ordinary(read):
    """A claim's row has one."""
    found = read(row(pending_since=MOMENT, lease_left=1))
    assert unread_of(found) is not None
    assert found.pending.live
    assert repr(_any_link(row(pending_since=MOMENT, lease_left=1))) == repr(found)


@pytest.mark.parametrize(
    "changes",
    [{"oauth_resource_tokens": "{}"}, {"oauth_refresh_failure_version": 3}, {"oauth_refresh_token": "é"}],
)
def test_what_is_seldom_is_read_whole(read, changes):
    """So that there is one place that knows it."""
    assert unread_of(read(row(**changes))) is None


def test_each_reader_has_dicts_of_its_own(read):
    """What one of them changes is not another one's."""
    first, second = read(row()), read(row())
    first.tokens.extra["instance"] = "us"
    first.tokens.resource_tokens["https://api.example"] = "token"
    assert second.tokens.extra == {"instance": "eu"}
    assert second.tokens.resource_tokens == {}


def test_what_links_have_in_common_is_bounded(read):
    """However many origins another program invents."""
    for number in range(2000):
        read(row(oauth_client_id=f"client-{number}"))
    assert unread_of(read(row(oauth_client_id="client-1"))) is not None
    assert unread_of(read(row(oauth_client_id="client-1999"))) is None
    assert len(read.__self__._origins) == 1024


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 7, 1, 12, 30, 15, 123457, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=UTC),
    ],
)
def test_an_instant_of_postgres_in_eight_bytes(instant):
    """To the microsecond, before and after 2000."""
    since_2000 = (instant - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    value = struct.pack(">q", since_2000)
    assert instant == of_postgres.instant_from_bytes(value)
    assert (instant.year >= 2000) == (of_postgres.FIRST <= value <= of_postgres.LAST)


@pytest.mark.parametrize(("value", "instant"), [(2**63 - 1, LATEST), (-(2**63), EARLIEST)])
def test_the_infinities_of_postgres(value, instant):
    """The driver writes these two as such; they are no plain times."""
    written = struct.pack(">q", value)
    assert instant == of_postgres.instant_from_bytes(written)
    assert not of_postgres.FIRST <= written <= of_postgres.LAST


def test_a_date_of_postgres_beyond_those_of_python():
    """It is an error of its row, which is one of those that are read whole."""
    far = struct.pack(">q", 2**60)
    assert not of_postgres.FIRST <= far <= of_postgres.LAST
    with pytest.raises(OverflowError):
        of_postgres.instant_from_bytes(far)
