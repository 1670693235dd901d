"""What a save gives back: the tokens that were saved, with what the database says of the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from extauth.adapters.sqlite.row import LAST, Row
from extauth.adapters.sqlite.rows import saved_from_row
from extauth.domain.errors import LinkUnreadable
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey
from extauth.domain.token_set import TokenSet

KEY = LinkKey("github", "alice")
MOMENT = 1_900_000_000_000_000
AT = datetime.fromtimestamp(MOMENT // 1_000_000, UTC)
NOBODYS = (None,) * 7
KNOWN = ("client", "https://provider.example/token", None, "7", "alice", None, None)


def row(version: object = 3, updated_at: int = MOMENT, rest: tuple[object, ...] = KNOWN, **key: str) -> Row:
    """What ``statements.SAVE`` returns."""
    provider_id, user_id = key.get("provider_id", KEY.provider_id), key.get("user_id", KEY.user_id)
    return Row((provider_id, user_id, version, MOMENT, updated_at, *rest))


@pytest.mark.parametrize(
    ("rest", "origin", "account"),
    [
        (KNOWN, GrantOrigin("client", "https://provider.example/token"), Account("7", "alice")),
        ((*NOBODYS[:3], "7", None, None, None), None, Account("7")),
        (NOBODYS, None, None),
    ],
    ids=["of a client and an account", "of an account without a name", "of none that is known"],
)
def test_what_the_database_alone_knows_is_the_rows(rest, origin, account):
    """Version, times, client and account are those of the row."""
    tokens = TokenSet("at-1", "rt-1", AT)
    expected = Link(KEY, tokens, 3, AT, AT, origin=origin, account=account)
    assert expected == saved_from_row(row(rest=rest), KEY, tokens)


def test_the_answer_to_another_save_says_whose_it_is():
    """One that came to the wrong caller does not look right."""
    assert LinkKey("github", "bob") == saved_from_row(row(user_id="bob"), KEY, TokenSet("at-1")).key


def test_what_can_be_changed_is_not_the_callers():
    """Who changes what was saved does not change what others were given."""
    tokens = TokenSet("at-1", extra={"team": "a"})
    link = saved_from_row(row(), KEY, tokens)
    tokens.extra["team"] = "b"
    assert link.tokens.extra == {"team": "a"}


@pytest.mark.parametrize(
    "damaged",
    [row(updated_at=LAST + 1), row(version="3"), row(rest=("client", *NOBODYS[1:]))],
    ids=["a date", "a version", "a client of no server"],
)
def test_a_damaged_row_is_an_error_by_name(damaged):
    """As when it is read."""
    with pytest.raises(LinkUnreadable) as raised:
        saved_from_row(damaged, KEY, TokenSet("at-1"))
    assert raised.value.key == KEY
