"""What an operator sees of a link, and which links are found by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure, TokenSet
from extauth.domain.errors import ConfigurationError
from extauth.domain.inventory import SOON, LinkFilter, LinkSummary, inventory_of, matches, state_of

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DEAD = RefreshFailure("invalid_grant", NOW, 3)
FOR_NOW = RefreshFailure("http_503", NOW, 3, retry_at=NOW + HOUR)
TOKENS = TokenSet(
    "at",
    "rt",
    NOW + HOUR,
    frozenset({"repo"}),
    access_token_key_id="k1",
    refresh_token_key_id="k1",
    refresh_token_expires_at=NOW + 9 * HOUR,
)
LINK = Link(
    LinkKey("github/work", "alice"),
    TOKENS,
    3,
    NOW - 2 * HOUR,
    NOW - HOUR,
    failure=FOR_NOW,
    origin=GrantOrigin("client", "https://provider.example/token"),
    account=Account("7", "alice"),
)


def link(*, tokens: dict[str, Any] | None = None, **changes: Any) -> Link:
    """Return one without a mark, with these changes."""
    return attrs.evolve(LINK, **{"failure": None, "tokens": attrs.evolve(TOKENS, **tokens or {}), **changes})


def test_a_summary_says_all_but_the_tokens():
    """Each part as it is stored."""
    summary = LinkSummary.of(LINK, NOW)
    assert summary == LinkSummary(
        key=LINK.key,
        state="cooling",
        version=3,
        created_at=NOW - 2 * HOUR,
        updated_at=NOW - HOUR,
        expires_at=NOW + HOUR,
        refreshable=True,
        refresh_token_expires_at=NOW + 9 * HOUR,
        scopes=frozenset({"repo"}),
        encrypted_with="k1",
        client_id="client",
        failure=FOR_NOW,
        pending=None,
        account=Account("7", "alice"),
    )
    pending = PendingExchange(NOW, live=True)
    bare = LinkSummary.of(link(tokens={"refresh_token": None}, pending=pending, origin=None), NOW)
    assert (bare.refreshable, bare.pending, bare.client_id) == (False, pending, None)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"failure": DEAD, "pending": PendingExchange(NOW, live=True)}, "broken"),
        ({"failure": FOR_NOW, "pending": PendingExchange(NOW, live=True)}, "leased"),
        ({"pending": PendingExchange(NOW, live=False)}, "unresolved"),
        ({"failure": FOR_NOW}, "cooling"),
        ({"failure": attrs.evolve(FOR_NOW, retry_at=NOW)}, "ok"),
        ({"failure": attrs.evolve(FOR_NOW, retry_at=NOW + MOMENT)}, "cooling"),
        ({"failure": attrs.evolve(DEAD, version=2)}, "ok"),
        ({"tokens": {"expires_at": NOW}}, "expired"),
        ({"tokens": {"expires_at": NOW + MOMENT}}, "expiring"),
        ({"tokens": {"expires_at": NOW + SOON}}, "expiring"),
        ({"tokens": {"expires_at": NOW + SOON + MOMENT}}, "ok"),
        ({"tokens": {"expires_at": None}}, "ok"),
    ],
)
def test_one_word_for_it(changes, state):
    """The first that holds; an instant belongs to what begins with it."""
    assert state_of(link(**changes), NOW) == state


@pytest.mark.parametrize(
    ("wanted", "changes", "found"),
    [
        (LinkFilter(due_before=NOW + HOUR + MOMENT), {}, True),
        (LinkFilter(due_before=NOW + HOUR), {}, False),
        (LinkFilter(due_before=NOW + 9 * HOUR), {"tokens": {"refresh_token": None}}, False),
        (LinkFilter(due_before=NOW + 9 * HOUR), {"tokens": {"expires_at": None}}, False),
        (LinkFilter(due_before=NOW + 9 * HOUR), {"failure": DEAD}, False),
        (LinkFilter(due_before=NOW + 9 * HOUR), {"failure": FOR_NOW}, True),
        (LinkFilter(marked_since=NOW), {"failure": FOR_NOW}, True),
        (LinkFilter(marked_since=NOW + MOMENT), {"failure": FOR_NOW}, False),
        (LinkFilter(marked_since=NOW), {}, False),
        (LinkFilter(reason="http_503"), {"failure": FOR_NOW}, True),
        (LinkFilter(reason="http_502"), {"failure": FOR_NOW}, False),
        (LinkFilter(provider_id="github"), {}, True),
        (LinkFilter(provider_id="git"), {}, False),
        (LinkFilter(user_id="bob"), {}, False),
    ],
)
def test_what_a_filter_finds(wanted, changes, found):
    """Links for which all of it holds."""
    assert matches(link(**changes), wanted, NOW) is found


def test_a_store_that_lists_nothing():
    """Says so."""
    with pytest.raises(ConfigurationError, match=r"^object cannot list its links: it has no inventory"):
        inventory_of(object())
