"""May a grant be ended, and is it over? The whole table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import attrs
import pytest

from extauth.domain.link import Account, Link, LinkKey, RefreshFailure
from extauth.domain.policy import ProviderTraits
from extauth.domain.revocation import (
    NOT_CONFIRMED,
    UNRESOLVED_EXCHANGE,
    End,
    Spare,
    links_at_stake,
    may_end,
    revoking_ends_account,
    why_not_over,
)
from extauth.domain.token_set import ResourceToken, TokenSet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
HOME, OTHER = Account("home"), Account("other")
KEY = LinkKey("google/work", "alice")
LINK = Link(KEY, TokenSet("at", "rt", expires_at=LATER), 1, EARLIER, EARLIER, account=HOME)
STRICT, STAYS = ProviderTraits(), ProviderTraits(rotates=False)
KILLS = ProviderTraits(reuse_revokes_account=True)
LAST = attrs.evolve(LINK, tokens=TokenSet("at", expires_at=LATER))
OVER = attrs.evolve(LINK, tokens=TokenSet("at", expires_at=EARLIER))


@pytest.mark.parametrize(
    ("ends_account", "others", "on_shared", "expected"),
    [
        (False, [LINK], "spare", End()),
        (False, None, "spare", End()),
        (False, [LINK], "end", End()),
        (True, [], "spare", End()),
        (True, [LINK], "spare", Spare()),
        (True, [LAST], "spare", Spare()),
        (True, [OVER], "spare", End()),
        (True, None, "spare", Spare()),
        (True, [], "end", End()),
        (True, [LINK], "end", End((KEY,))),
        (True, None, "end", End()),
    ],
)
def test_whether_a_grant_may_be_ended(ends_account, others, on_shared, expected):
    """Another link stands in the way where it would end too, has something to lose and is to be spared."""
    assert may_end(HOME, others, NOW, ends_account=ends_account, on_shared=on_shared) == expected


@pytest.mark.parametrize(
    ("mine", "theirs", "at_stake"),
    [
        (HOME, HOME, True),
        (HOME, Account("home", login="renamed"), True),
        (HOME, OTHER, False),
        (None, OTHER, True),
        (HOME, None, True),
        (None, None, True),
    ],
)
def test_whose_links_count(mine, theirs, at_stake):
    """Those of the same account by its id, and those of which nobody knows."""
    assert links_at_stake(mine, [attrs.evolve(LINK, account=theirs)], NOW) == ((KEY,) if at_stake else ())


DEAD = RefreshFailure("invalid_grant", EARLIER, version=1)


@pytest.mark.parametrize(
    ("changes", "tokens", "at_stake"),
    [
        ({}, {}, True),
        ({}, {"expires_at": EARLIER}, True),
        ({}, {"refresh_token": None}, True),
        ({}, {"refresh_token": None, "expires_at": EARLIER}, False),
        ({"failure": DEAD}, {}, True),
        ({"failure": DEAD}, {"expires_at": EARLIER}, False),
        ({"failure": DEAD}, {"expires_at": None}, True),
        ({"failure": attrs.evolve(DEAD, version=2)}, {"expires_at": EARLIER}, True),
        ({"failure": attrs.evolve(DEAD, retry_at=LATER)}, {"expires_at": EARLIER}, True),
        (
            {"failure": DEAD},
            {"expires_at": EARLIER, "resource_tokens": {"https://r.example": ResourceToken("r", LATER)}},
            True,
        ),
    ],
)
def test_what_a_link_has_to_lose(changes, tokens, at_stake):
    """A refresh token that nobody has rejected, or an access token that works."""
    link = attrs.evolve(LINK, tokens=attrs.evolve(LINK.tokens, **tokens), **changes)
    assert links_at_stake(HOME, [link], NOW) == ((KEY,) if at_stake else ())


def test_all_that_end_are_named():
    """In the order in which they were given."""
    links = [attrs.evolve(LINK, key=LinkKey(name, "alice")) for name in ("a", "b")]
    links.insert(1, attrs.evolve(LINK, account=OTHER))
    assert may_end(HOME, links, NOW, ends_account=True, on_shared="end") == End(
        (LinkKey("a", "alice"), LinkKey("b", "alice"))
    )


@pytest.mark.parametrize(
    ("whole_grant", "unresolved", "rotates", "kills"), [*product((False, True), repeat=4)]
)
def test_when_revoking_ends_the_account(whole_grant, unresolved, rotates, kills):
    """By the provider's way, or since a refresh token that may be spent counts as stolen."""
    traits = ProviderTraits(rotates=rotates, reuse_revokes_account=kills)
    expected = whole_grant or (unresolved and rotates and kills)
    assert revoking_ends_account(traits, whole_grant=whole_grant, unresolved=unresolved) is expected


@pytest.mark.parametrize(
    ("confirmed", "unresolved", "whole_grant", "traits", "expected"),
    [
        (False, False, False, STRICT, NOT_CONFIRMED),
        (False, True, True, KILLS, NOT_CONFIRMED),
        (True, False, False, STRICT, None),
        (True, False, True, STAYS, None),
        (True, True, False, STRICT, UNRESOLVED_EXCHANGE),
        # Revoking a refresh token need not end the access token that got lost.
        (True, True, False, STAYS, UNRESOLVED_EXCHANGE),
        # Of a whole grant, too, the provider may not know a spent refresh token any more.
        (True, True, True, STRICT, UNRESOLVED_EXCHANGE),
        (True, True, True, STAYS, None),
        (True, True, False, KILLS, None),
    ],
)
def test_when_a_grant_is_over(confirmed, unresolved, whole_grant, traits, expected):
    """When the provider confirmed, and there are no tokens that nobody here knows."""
    reason = why_not_over(traits, confirmed=confirmed, whole_grant=whole_grant, unresolved=unresolved)
    assert reason == expected
