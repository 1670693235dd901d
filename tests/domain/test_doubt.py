"""Which links are doubtful after a restore."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from extauth import Link, LinkKey, RefreshFailure, RefreshPolicy, TokenSet
from extauth.domain.doubt import doubt, is_doubtful, is_held, spared_of
from extauth.domain.fence import fence, may_replace
from extauth.domain.freshness import CoolDown, blocked
from extauth.domain.health import health
from extauth.domain.policy import ProviderTraits
from extauth.testing.scripted.provider import ScriptedProvider

RESTORED = datetime(2026, 11, 30, tzinfo=UTC)
BEFORE = RESTORED - timedelta(microseconds=1)
DEAD = RefreshFailure("invalid_grant", BEFORE, 1)
FOR_NOW = RefreshFailure("http_503", BEFORE, 1, retry_at=RESTORED)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"failure": FOR_NOW}, True),
        ({"failure": doubt(BEFORE)}, True),
        ({"provider_id": "gitlab/work"}, True),
        ({"refreshable": False}, False),
        ({"failure": DEAD}, False),
        ({"written_at": RESTORED}, False),
        ({"provider_id": "github/work", "spared": {"github"}}, False),
        ({"provider_id": "github/work/bot", "spared": {"github"}}, False),
    ],
)
def test_what_may_be_spent(changes, expected):
    """What has a refresh token, is not dead, not refreshed since, and of a provider that renews them."""
    link = {"provider_id": "github", "refreshable": True, "written_at": BEFORE, "failure": None}
    assert is_doubtful(**{**link, "restored_at": RESTORED, **changes}) is expected


def test_who_is_spared():
    """Providers that give the same refresh token for ever."""
    lasting = ScriptedProvider("lasting", traits=ProviderTraits(rotates=False))
    assert spared_of([ScriptedProvider("strict"), lasting]) == {"lasting"}


def test_it_stands():
    """Whatever the clock says; what is worse takes its place, and nothing else does."""
    link = Link(LinkKey("github", "alice"), TokenSet("at", "rt"), 1, BEFORE, BEFORE, failure=doubt(BEFORE))
    assert is_held(link)
    assert isinstance(blocked(link, datetime.min.replace(tzinfo=UTC)), CoolDown)
    assert (health(link, RESTORED).doubtful, health(link, RESTORED).ok) == (True, False)
    assert [may_replace(doubt(BEFORE), each) for each in (DEAD, fence(BEFORE), FOR_NOW, doubt(RESTORED))] == [
        *(True, True, False, False)
    ]
    assert may_replace(FOR_NOW, doubt(BEFORE))
    assert not may_replace(DEAD, doubt(BEFORE))
    assert not may_replace(fence(BEFORE), doubt(BEFORE))


def test_the_policy_must_look():
    """Who looks for nothing can hold nothing."""
    with pytest.raises(ValueError, match="hold_doubtful needs hold_after_failover"):
        RefreshPolicy(hold_doubtful=True, hold_after_failover=timedelta(0))
