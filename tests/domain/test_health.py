"""How a link is doing, as a pure function."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import attrs
import pytest

from extauth import Link, LinkKey, ProviderTraits, RefreshFailure, TokenSet
from extauth.domain.fence import fence
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.health import Broken, Expiring, Health, Healthy, LinkState, ProbablyBroken, health

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MADE = NOW - 100 * DAY
TOKENS = TokenSet("at", "rt", expires_at=NOW + DAY / 24, issued_at=NOW - DAY / 24)
LINK = Link(LinkKey("x", "bob"), TOKENS, 3, MADE, NOW - DAY / 24)
IDLE = ProviderTraits(refresh_token_idle_lifetime=30 * DAY)
GRANT = ProviderTraits(refresh_token_lifetime=365 * DAY)


def link(**tokens):
    """Return a link with these differences in its tokens."""
    return attrs.evolve(LINK, tokens=attrs.evolve(TOKENS, **tokens))


def marked(**mark):
    """Return a link with this mark on its version."""
    return attrs.evolve(LINK, failure=RefreshFailure(**{"version": 3, "at": NOW - DAY, **mark}))


def test_a_link_of_which_nothing_is_known_is_healthy():
    """An access token that runs out is none of the user's business as long as it can be refreshed."""
    assert Health(Healthy()) == health(LINK, NOW)
    assert Health(Healthy()) == health(link(expires_at=NOW - DAY), NOW)
    assert health(LINK, NOW).ok
    assert health(LINK, NOW).explanation is None


def test_a_permanent_mark_is_broken_since_then():
    """Why, since when, and until when what is stored works nevertheless."""
    broken = health(marked(reason="invalid_grant"), NOW)
    assert Broken("invalid_grant", NOW - DAY, works_until=NOW + DAY / 24) == broken.state
    assert "onnect again" in broken.explanation
    assert Broken("invalid_grant", NOW - DAY) == health(marked(reason="invalid_grant"), NOW + DAY).state


def test_a_mark_of_another_version_says_nothing():
    """It was about tokens that are not there any more."""
    assert Healthy() == health(marked(reason="invalid_grant", version=2), NOW).state


def test_a_temporary_mark_breaks_nothing():
    """An outage of the provider is not shown to its users."""
    assert Healthy() == health(marked(reason="http_503", retry_at=NOW + DAY), NOW).state


def test_a_link_that_is_refused_for_long_is_probably_broken():
    """With the next try."""
    suspected = health(marked(reason=PROBABLY_DEAD, retry_at=NOW + DAY), NOW)
    assert ProbablyBroken(PROBABLY_DEAD, NOW - DAY, NOW + DAY) == suspected.state
    assert "probably ended" in suspected.explanation


def test_an_access_token_without_a_refresh_token_ends_the_link():
    """It is expiring in the last fifth of its life, then broken; without an expiry nobody knows."""
    lone = link(refresh_token=None, expires_at=NOW + 10 * DAY, issued_at=NOW)
    assert Healthy() == health(lone, NOW + 7.9 * DAY).state
    assert Expiring(NOW + 10 * DAY, "access_token") == health(lone, NOW + 8 * DAY).state
    assert Broken("no_refresh_token", NOW + 10 * DAY) == health(lone, NOW + 10 * DAY).state
    assert Healthy() == health(link(refresh_token=None, expires_at=None), NOW).state


@pytest.mark.parametrize(
    ("traits", "source"), [(None, "told"), (ProviderTraits(), "told"), (GRANT, "grant"), (IDLE, "told")]
)
def test_the_refresh_tokens_own_end(traits, source):
    """A week before, from wherever it is known; and a date that has passed breaks nothing."""
    end = NOW + 8 * DAY
    ending = link(refresh_token_expires_at=end)
    assert Healthy() == health(ending, NOW, traits).state
    assert Expiring(end, source) == health(ending, NOW + DAY, traits).state
    assert Expiring(end, source) == health(ending, NOW + 9 * DAY, traits).state
    assert "2026-06-09" in health(ending, NOW + DAY, traits).explanation


def test_the_end_of_a_grant_is_not_put_off_by_refreshes():
    """The nearer it comes the shorter a time the last answer tells, which must not hide it."""
    asked = NOW + 7 * DAY
    late = link(refresh_token_expires_at=NOW + 8 * DAY, issued_at=asked, expires_at=asked + DAY / 24)
    assert Expiring(NOW + 8 * DAY, "grant") == health(late, asked, GRANT).state
    assert Expiring(NOW + 8 * DAY, "told") == health(late, asked).state


def test_an_idle_time_counts_from_the_last_refresh():
    """Told by the documentation alone; a refresh puts it off, so a user is told nothing."""
    used = link(refresh_token_expires_at=None)
    idle_end = LINK.updated_at + 30 * DAY
    assert Healthy() == health(used, idle_end - 7 * DAY, IDLE).state
    expiring = health(used, idle_end - 6 * DAY, IDLE)
    assert Expiring(idle_end, "idle") == expiring.state
    assert expiring.state.refresh_helps
    assert expiring.explanation is None
    noted = link(refresh_token_expires_at=TOKENS.issued_at + 30 * DAY)
    assert Expiring(TOKENS.issued_at + 30 * DAY, "idle") == health(noted, idle_end, IDLE).state


def test_how_long_ahead_is_the_callers_to_say():
    """Up to a fifth of the whole."""
    ending = link(refresh_token_expires_at=NOW + 20 * DAY)
    assert Healthy() == health(ending, NOW, ahead=timedelta(days=19)).state
    assert Expiring(NOW + 20 * DAY, "told") == health(ending, NOW, ahead=timedelta(days=21)).state
    assert Healthy() == health(ending, NOW, ahead=timedelta(0)).state


def test_what_may_be_said_besides():
    """Neither is a state, and neither lets a link be quite well."""
    assert not health(LINK, NOW, not_encrypted=True).ok
    assert not health(LINK, NOW, of_former_client=True).ok
    fenced = health(attrs.evolve(LINK, failure=fence(NOW, LINK.version)), NOW)
    assert Health(Healthy(), fenced=True) == fenced
    assert not fenced.ok
    assert Healthy() == health(LINK, NOW, not_encrypted=True, of_former_client=True).state


def test_each_state_has_a_code_of_its_own():
    """For a user interface, or JSON."""
    codes = {attrs.fields(state).code.default for state in get_args(LinkState)}
    assert {"ok", "expiring", "probably_broken", "broken"} == codes


def test_a_naive_time_is_refused():
    """As everywhere."""
    with pytest.raises(ValueError, match="aware"):
        health(LINK, datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
