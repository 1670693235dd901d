from __future__ import annotations

from extauth.testing.provider_model.families import Terms
from extauth.testing.provider_model.grants import Grants
from extauth.testing.provider_model.redemption import (
    DeadAccess,
    ExpiredAccess,
    IssuedTokens,
    LiveAccess,
    Refused,
)


def rotated(grants: Grants, refresh_token: str, now: float = 0.0) -> IssuedTokens:
    """Redeem, which must succeed."""
    pair = grants.redeem(refresh_token, now)
    assert isinstance(pair, IssuedTokens)
    return pair


def test_each_rotation_consumes_the_old_token() -> None:
    """Only the newest refresh token of a family can be redeemed."""
    grants = Grants(access_token_lifetime=10)
    first = grants.grant("alice", 0.0)
    second = rotated(grants, first.refresh_token)
    third = rotated(grants, second.refresh_token)

    assert grants.live_refresh_tokens() == {third.refresh_token}
    assert grants.refreshable(third.refresh_token)
    assert not grants.refreshable(first.refresh_token)
    assert not grants.revoked(first.refresh_token)


def test_replay_is_told_from_an_unknown_token() -> None:
    """A refusal says whether the token had been used before."""
    grants = Grants(access_token_lifetime=10)
    first = grants.grant("alice", 0.0)
    rotated(grants, first.refresh_token)

    assert grants.redeem("rt-unknown", 0.0) == Refused(replayed=False)
    assert grants.redeem(first.refresh_token, 0.0) == Refused(replayed=True)
    assert grants.revoked(first.refresh_token)
    assert grants.revoked("rt-unknown")


def test_first_presentation_in_a_revoked_family_is_no_replay() -> None:
    """The heir of a family that a replay revoked is refused, but was not itself replayed."""
    grants = Grants(access_token_lifetime=10)
    first = grants.grant("alice", 0.0)
    second = rotated(grants, first.refresh_token)
    grants.redeem(first.refresh_token, 0.0)

    assert grants.redeem(second.refresh_token, 0.0) == Refused(replayed=False)
    assert (grants.replays, grants.families_revoked) == (1, 1)


def test_presentations_are_counted_by_token_and_by_rotation() -> None:
    """Every presentation counts for its token, refused ones too; history keeps their order."""
    grants = Grants(access_token_lifetime=10)
    first = grants.grant("alice", 0.0)
    second = rotated(grants, first.refresh_token, now=1.0)
    grants.redeem(first.refresh_token, 2.0)
    grants.redeem("rt-unknown", 3.0)

    assert grants.presentations() == {first.refresh_token: 2, second.refresh_token: 0}
    assert grants.presentations_per_rotation() == [2]
    assert grants.exchanges == 3
    assert [(each.subject, each.at, each.rotated) for each in grants.history] == [
        ("alice", 1.0, True),
        ("alice", 2.0, False),
    ]


def test_old_access_token_lives_on_after_a_rotation_until_it_expires() -> None:
    """A rotation leaves the access tokens given out before alone; each dies at its own expiry."""
    grants = Grants(access_token_lifetime=10)
    first = grants.grant("alice", 0.0)
    second = rotated(grants, first.refresh_token, now=4.0)

    assert grants.access(first.access_token, 9.0) == LiveAccess("alice")
    assert grants.access(first.access_token, 10.0) == ExpiredAccess(0.0)
    assert grants.live_access_tokens(12.0) == {second.access_token}
    assert grants.access("at-unknown", 0.0) == DeadAccess()


def test_refresh_token_that_was_never_given():
    """A grant without a refresh token cannot be refreshed, though its access token works."""
    grants = Grants(access_token_lifetime=10)
    pair = grants.grant("alice", 0, Terms(offline=False))
    assert grants.access(pair.access_token, 0) == LiveAccess("alice")
    assert not grants.gives_tokens(pair.refresh_token, 0)
    assert not grants.refreshable(pair.refresh_token)
    assert grants.redeem(pair.refresh_token, 0) == Refused(replayed=False)
