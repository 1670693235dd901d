"""The five habits, on bare grants."""

from __future__ import annotations

from functools import partial
from typing import get_args

import pytest

from extauth import ProviderTraits
from extauth.testing import AuthorizationServer, ScriptedProvider
from extauth.testing.provider_model.families import Terms, numbered
from extauth.testing.provider_model.grants import Grants
from extauth.testing.provider_model.redemption import DeadAccess, IssuedTokens, LiveAccess, Refused
from extauth.testing.provider_model.reuse import RULES, Reuse


def grants(reuse: Reuse, **changes) -> Grants:
    """Grants whose access tokens live 100 s and whose tokens have numbers."""
    return Grants(access_token_lifetime=100, reuse=reuse, replay_window=10, namer=numbered, **changes)


def pair(given: IssuedTokens | Refused) -> tuple[str, str]:
    """Return the two tokens of a redemption that must have succeeded."""
    assert isinstance(given, IssuedTokens)
    return given.access_token, given.refresh_token


def test_every_habit_has_a_rule():
    """No habit can be named without being played."""
    assert set(RULES) == set(get_args(Reuse))


@pytest.mark.parametrize("reuse", ["strict", "strict_account", "one_behind", "replay_window", "latest_wins"])
def test_rotating_habits_rotate(reuse):
    """A token presented for the first time is consumed and gives a new pair; its access token works on."""
    server = grants(reuse)
    server.grant("alice", 0)
    assert pair(server.redeem("rt-1-1", 1)) == ("at-1-2", "rt-1-2")
    assert pair(server.redeem("rt-1-2", 2)) == ("at-1-3", "rt-1-3")
    assert server.live_refresh_tokens() == {"rt-1-3"}
    assert server.live_access_tokens(3) == {"at-1-1", "at-1-2", "at-1-3"}
    assert (server.rotations, server.replays, server.families_revoked) == (2, 0, 0)


@pytest.mark.parametrize("reuse", ["strict", "one_behind", "replay_window"])
def test_old_replay_revokes_the_family(reuse):
    """Where reuse is detected, a replay that is too old kills both tokens of the newest pair."""
    server = grants(reuse)
    server.grant("alice", 0)
    server.grant("bob", 0)
    server.redeem("rt-1-1", 0)
    server.redeem("rt-1-2", 0)
    assert not server.gives_tokens("rt-1-1", 20)
    assert server.redeem("rt-1-1", 20) == Refused(replayed=True)
    assert server.redeem("rt-1-3", 20) == Refused(replayed=False)
    assert server.access("at-1-3", 20) == DeadAccess()
    assert server.live_refresh_tokens() == {"rt-2-1"}
    assert (server.replays, server.families_revoked) == (1, 1)
    assert server.rejected == {"rt-1-1": 1, "rt-1-3": 1}


def test_strict_forgives_nothing():
    """A replay at the same instant revokes the family."""
    server = grants("strict")
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    assert server.redeem("rt-1-1", 0) == Refused(replayed=True)
    assert server.revoked("rt-1-2")


def test_one_behind_gives_the_active_pair():
    """The token before the newest gives the active pair again, any number of times, at any time."""
    server = grants("one_behind")
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    for now in (1, 50):
        assert pair(server.redeem("rt-1-1", now)) == ("at-1-2", "rt-1-2")
    assert (server.rotations, server.replays, server.families_revoked) == (1, 2, 0)


@pytest.mark.parametrize("dead", ["expired", "revoked"])
def test_one_behind_gives_an_access_token_that_works(dead):
    """If the active pair's access token is dead, another comes with the active refresh token."""
    server = grants("one_behind")
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    if dead == "revoked":
        server.revoke("at-1-2")
    now = 100 if dead == "expired" else 1
    assert pair(server.redeem("rt-1-1", now)) == ("at-1-3", "rt-1-2")
    assert server.access("at-1-3", now) == LiveAccess("alice")
    assert server.live_refresh_tokens() == {"rt-1-2"}


def test_replay_window_repeats_the_pair_until_it_ends():
    """Inside the window the very same answer comes again; at its end the family is revoked."""
    server = grants("replay_window")
    server.grant("alice", 0)
    first = server.redeem("rt-1-1", 5)
    assert server.redeem("rt-1-1", 14.9) == first
    assert server.gives_tokens("rt-1-1", 14.9)
    assert not server.gives_tokens("rt-1-1", 15)
    assert server.redeem("rt-1-1", 15) == Refused(replayed=True)
    assert server.families_revoked == 1


def test_replay_window_counts_from_the_rotation():
    """A replay does not make the window longer, and an unused token has no window."""
    server = grants("replay_window")
    server.grant("alice", 0)
    server.redeem("rt-1-1", 50)
    server.redeem("rt-1-1", 59)
    assert server.redeem("rt-1-1", 61) == Refused(replayed=True)


def test_latest_replay_wins():
    """A replay gives a new pair, and the one that was live until then is dead, both tokens of it."""
    server = grants("latest_wins")
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    assert pair(server.redeem("rt-1-1", 1)) == ("at-1-3", "rt-1-3")
    assert server.live_refresh_tokens() == {"rt-1-3"}
    assert server.access("at-1-2", 1) == DeadAccess()
    assert server.access("at-1-1", 1) == LiveAccess("alice")
    assert server.redeem("rt-1-2", 1) == Refused(replayed=False)
    assert pair(server.redeem("rt-1-1", 999)) == ("at-1-4", "rt-1-4")
    assert (server.rotations, server.replays, server.families_revoked) == (3, 2, 0)
    assert server.presentations_per_rotation() == [3, 3, 3]
    assert [server.issued_for(token) for token in ("rt-1-1", "rt-1-3", "rt-1-4")] == [
        None,
        "rt-1-1",
        "rt-1-1",
    ]


def test_non_rotating_gives_access_tokens_only():
    """The refresh token stays the same and its second presentation is no replay."""
    server = grants("non_rotating")
    server.grant("alice", 0)
    assert pair(server.redeem("rt-1-1", 0)) == ("at-1-2", "rt-1-1")
    assert pair(server.redeem("rt-1-1", 0)) == ("at-1-3", "rt-1-1")
    assert server.live_refresh_tokens() == {"rt-1-1"}
    assert (server.exchanges, server.rotations, server.replays) == (2, 0, 0)
    assert server.presentations() == {"rt-1-1": 2}


@pytest.mark.parametrize("reuse", get_args(Reuse))
def test_refresh_may_revoke_the_access_token(reuse):
    """With that trait the access token before a refresh is dead at once, whatever the habit."""
    server = grants(reuse, refresh_revokes_access_token=True)
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    assert server.live_access_tokens(0) == {"at-1-2"}


@pytest.mark.parametrize("reuse", get_args(Reuse))
def test_revoked_family_stays_revoked(reuse):
    """No habit brings a grant back that was revoked (RFC 7009)."""
    server = grants(reuse)
    server.grant("alice", 0)
    server.redeem("rt-1-1", 0)
    server.revoke("rt-1-1")
    for token in server.presentations():
        assert server.redeem(token, 0) == Refused(replayed=token == "rt-1-1" and reuse != "non_rotating")
        assert not server.refreshable(token)
    assert server.live_access_tokens(0) == frozenset()
    assert server.families_revoked == 0


def test_keeping_rotates_nothing_once():
    """A presentation that keeps the refresh token gives a new access token, and the token rotates later."""
    server = grants("strict")
    server.grant("alice", 0)
    assert pair(server.redeem_keeping("rt-1-1", 0)) == ("at-1-2", "rt-1-1")
    assert pair(server.redeem("rt-1-1", 0)) == ("at-1-3", "rt-1-3")
    assert server.redeem_keeping("rt-1-1", 0) == Refused(replayed=True)
    assert server.redeem_keeping("rt-unknown", 0) == Refused(replayed=False)
    assert server.families_revoked == 1


def test_whose_token_it_is():
    """Every token tells its subject, and live tokens are found by it."""
    server = grants("strict")
    server.grant("alice", 0)
    server.grant("bob", 0)
    server.grant("bob", 0)
    server.redeem("rt-2-1", 0)
    assert [server.subject_of(token) for token in ("rt-1-1", "at-2-2", "rt-3-1", "rt-x")] == [
        "alice",
        "bob",
        "bob",
        None,
    ]
    assert server.live_refresh_tokens("bob") == {"rt-2-2", "rt-3-1"}
    assert server.issued_for("rt-2-2") == "rt-2-1"
    assert server.issued_for("rt-unknown") is None


def test_strict_for_the_account():
    """A replay ends all that its subject has granted to the client, and nothing else."""
    server = grants("strict_account")
    for client in ("ours", "ours", "theirs"):
        server.grant("alice", 0, Terms(client=client))
    server.grant("bob", 0, Terms(client="ours"))
    server.redeem("rt-1-1", 0)
    assert server.redeem("rt-1-1", 0) == Refused(replayed=True)
    assert server.live_refresh_tokens() == {"rt-3-1", "rt-4-1"}
    assert server.live_access_tokens(0) == {"at-3-1", "at-4-1"}
    assert server.families_revoked == 2


@pytest.mark.parametrize("habit", ["stric", "", None, "STRICT", "rotating"])
@pytest.mark.parametrize("kit", [AuthorizationServer, partial(ScriptedProvider, traits=ProviderTraits())])
def test_an_unknown_habit_is_refused(kit, habit):
    """A slip in its name would prove nothing of the provider that is meant; the error says what there is."""
    if habit is None and kit is not AuthorizationServer:
        habit = "none"  # None is what follows from the traits
    with pytest.raises(ValueError, match=r"reuse must be one of strict, .*, not"):
        kit(reuse=habit)


def test_an_unknown_habit_is_refused_later_too():
    """The habit may be changed at any time, to one that there is."""
    server = AuthorizationServer()
    server.grants.reuse = "overlap"
    with pytest.raises(ValueError, match="reuse must be one of"):
        server.grants.reuse = "overlapping"
    assert server.grants.reuse == "overlap"


@pytest.mark.parametrize("options", [{"delayed": "later"}, {"delayed": None}])
def test_other_words_of_the_server_are_refused(options):
    """When the answer is delayed, likewise."""
    with pytest.raises(ValueError, match="delayed must be before or after"):
        AuthorizationServer(**options)
