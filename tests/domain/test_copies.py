"""Copies of frozen values in which some parts are others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth.domain.copies import changed
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange
from extauth.domain.request_rate import RequestRate
from extauth.domain.token_set import ResourceToken, TokenSet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKENS = TokenSet(
    "an access token",
    "a refresh token",
    NOW,
    frozenset({"repo"}),
    "DPoP",
    {"team": "a"},
    issued_at=NOW - timedelta(hours=1),
    resource_tokens={"https://api.example": ResourceToken("another one")},
)
LINK = Link(
    LinkKey("github", "alice"),
    TOKENS,
    3,
    NOW,
    NOW,
    origin=GrantOrigin("client", "https://id.example/token"),
    pending=PendingExchange(NOW, live=True),
    account=Account("7"),
)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (TOKENS, {"issued_at": NOW, "resource_tokens": {}}),
        (LINK, {"version": 4, "pending": None}),
        (RequestRate(refused_at=5.0, served=3), {"served": 4, "probing": True}),
    ],
    ids=["tokens", "link", "rate"],
)
def test_a_copy_has_these_parts_and_all_others_as_they_were(value, parts):
    """It is what attrs.evolve returns of parts that are as the class would have them."""
    before = repr(value)
    assert attrs.evolve(value, **parts) == changed(value, **parts)
    assert before == repr(value)


def test_a_copy_is_frozen_too():
    """What is copied so is as safe to keep as what was made."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        changed(TOKENS, issued_at=NOW).issued_at = None
