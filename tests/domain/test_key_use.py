"""What is encrypted with which key, summed up from counts of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from extauth.domain.key_use import KeysStatus, KeyStatus, KeyUse, keys_status_of
from extauth.domain.sealed import key_ids_of
from extauth.domain.sealed_rows import SealedCounts

SOON = datetime(2030, 1, 1, tzinfo=UTC)
LATER = SOON + timedelta(minutes=1)
OLD, NEW, MIXED, PLAIN, UNKNOWN = (
    frozenset(ids) for ids in ({"old"}, {"new"}, {"old", "new"}, {None}, {"", "old"})
)
COUNTS = SealedCounts(
    links={OLD: 1, NEW: 2, MIXED: 4, PLAIN: 8, UNKNOWN: 16},
    registrations={OLD: 32, PLAIN: 64},
    authorizations={OLD: 128, MIXED: 256, NEW: 512},
    latest_expiry={OLD: SOON, MIXED: LATER, NEW: LATER},
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), set()),
        ((None, None), set()),
        (("$extauth1$old$$text", "$extauth2$new$wrapped$text"), {"old", "new"}),
        (("$extauth1$arn:aws:kms/1$$", None), {"arn:aws:kms/1"}),
        (("token", "$extauth1$old$$text"), {None, "old"}),
        (("",), {None}),
        (("$extauth", "$extauth1$old"), {""}),
    ],
)
def test_keys_that_texts_name(texts, expected):
    """None stands for plain text, an empty id for a text that does not say; what is absent says nothing."""
    assert expected == key_ids_of(texts)


def test_rows_under_each_key():
    """A row with texts under two keys counts for both, and once in what remains."""
    assert keys_status_of(COUNTS, "new", {"new", "unused"}) == KeysStatus(
        keys=(
            KeyStatus("new", primary=True, given=True, use=KeyUse(6, 0, 768, LATER)),
            KeyStatus("unused", primary=False, given=True, use=KeyUse()),
            KeyStatus("old", primary=False, given=False, use=KeyUse(21, 32, 384, LATER)),
        ),
        plain=KeyUse(8, 64),
        unknown=KeyUse(16),
        remaining=KeyUse(29, 96, 384, LATER),
    )


def test_without_a_primary_key_everything_remains():
    """There is none in a store without keys."""
    status = keys_status_of(COUNTS, None)
    assert status.remaining == KeyUse(31, 96, 896, LATER)
    assert [key.key_id for key in status.keys] == ["new", "old"]
    assert not any(key.primary or key.given for key in status.keys)


def test_the_use_of_one_key():
    """That of a key which nobody has heard of is none."""
    status = keys_status_of(COUNTS, "new")
    assert status.use_of("old").links == 21
    assert status.use_of("never heard of") == KeyUse()


@pytest.mark.parametrize(
    ("use", "rows", "said"),
    [
        (KeyUse(), 0, "no rows"),
        (KeyUse(1, 1, 1), 3, "1 link, 1 registered client, 1 authorization"),
        (KeyUse(2, 0, 3), 5, "2 links, 3 authorizations"),
        (KeyUse(registrations=2), 2, "2 registered clients"),
    ],
)
def test_what_a_use_says(use, rows, said):
    """In words, for a message or a command."""
    assert (use.rows, str(use)) == (rows, said)


def test_texts_that_do_not_say_their_key_remain():
    """Whatever else is done."""
    status = keys_status_of(SealedCounts({frozenset({""}): 3, NEW: 5}, {}, {}, {}), "new")
    assert (status.unknown.links, status.remaining.links) == (3, 3)
