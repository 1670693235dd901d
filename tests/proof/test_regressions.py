"""Schedules that lost a link, or a promise, before their cause was mended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.testing import PromiseBroken, Setting, VirtualClock, replay
from extauth.testing.schedules.interleaver.promises import NEVER_LOST, NEVER_TWICE
from tests.proof import broken_exchanges
from tests.proof.breaking import replacing

LEASE_WITH_A_GAP = """
call r1 alice
call r2 alice
open r1.get#1
open r2.get#1
open r1.claim#1
open r2.claim#1
open r1.refresh#1 lost_reply
open r1.refresh#1.reply
advance 0.05
advance 44.95                  -- r1's lease lapses while it waits to try again
open r2.wait#1
open r1.sleep#1
open r2.claim#2
open r2.claim#3                -- r2 has it now
advance 5
open r2.sleep#1
open r2.claim#4
open r2.refresh#1              -- the token is rejected
open r2.refresh#1.reply
open r2.record_failure#1
open r2.release#1
open r1.claim#2                -- r1 gets the lease once more, and must not take it for its old one
"""

OUTAGE_LONGER_THAN_THE_LEASE = """
call r1 alice
call r2 alice
open r1.get#1
open r1.claim#1
open r1.refresh#1
open r1.refresh#1.reply
advance 45                     -- the store is down for longer than the lease
open r1.save#1 refuse
open r2.get#1
open r2.claim#1                -- the store is back, and r2 is the first to reach it
"""

CUT_OFF_WHILE_THE_TOKEN_STILL_WORKS = """
call r1 alice
call r2 alice
open r1.get#1
open r1.get#1.reply
open r2.get#1
open r1.claim#1
open r1.refresh#1
open r1.refresh#1.reply
advance 50                     -- its lease lapses before it can save
open r2.get#1.reply            -- r2 has read the link before all that
open r2.claim#1
open r2.claim#2                -- it takes the lease over, and leaves a token alone that may be spent
open r2.{}#{}
advance 3600                   -- the access token has expired
call r3 alice
open r3.get#1
open r3.get#1.reply
open r3.claim#1
"""

WAITS_FOR_WHO_IS_CUT_OFF = """
open r3.claim#2
advance 4
open r1.save#1
advance 1
"""

SWEPT_BEFORE_THE_SAVE_FAILS = """
call r1 alice
open r1.get#1
open r1.claim#1
open r1.refresh#1
open r1.refresh#1.reply
sweep r1
open r1.save#1 refuse
"""

SAVED_FOR_LONGER_THAN_THE_TOKEN_WORKS = """
call r1 alice
open r1.get#1
open r1.get#1.reply
open r1.claim#1
open r1.claim#1.reply
open r1.refresh#1
open r1.refresh#1.reply
open r1.save#1
advance 3600                   -- the new token has expired, and nobody has been told of it yet
call r1 alice                  -- joins the flight
open r1.get#2
open r1.get#2.reply
open r1.save#1.reply
"""

UNLINKED_WHILE_UNRESOLVED = """
call r1 alice
open r1.get#1
open r1.claim#1
open r1.refresh#1 lost_reply
open r1.refresh#1.reply
advance 0.05
open r1.sleep#1
open r1.claim#2
open r1.refresh#2 unavailable_before
open r1.refresh#2.reply
open r1.record_failure#1
open r1.release#1
unlink alice
"""


def run(script: str, *setting: Setting):
    """Replay a script on memory stores whose leases run on virtual time."""
    clock = VirtualClock()
    return replay(lambda: MemoryLinkStore(now=clock.store_now), script, *setting, clock=clock)


def test_lease_renewed_after_a_gap():
    """Who has lost its lease for a while does not go on where it was: the token may be rejected by now."""
    world = run(LEASE_WITH_A_GAP)
    assert world.provider.exchanges == 2
    with broken_exchanges.renews_with_a_gap(), pytest.raises(PromiseBroken) as caught:
        run(LEASE_WITH_A_GAP)
    assert caught.value.broken.promise == NEVER_TWICE


def test_store_outage_longer_than_a_lease():
    """Who finds an unresolved exchange waits for whoever may have been cut off from the store, and adopts
    what that one saves."""
    world = run(OUTAGE_LONGER_THAN_THE_LEASE)
    assert world.provider.exchanges == 1
    assert world.answers["r2.c1"] == world.stored("alice").tokens.access_token
    with broken_exchanges.no_second_look(), pytest.raises(PromiseBroken) as caught:
        run(OUTAGE_LONGER_THAN_THE_LEASE)
    assert caught.value.broken.promise == NEVER_TWICE


def test_a_lease_that_was_taken_over_in_between():
    """Whoever let its lease lapse is waited for, too, if another replica had it meanwhile."""
    setting = Setting(replicas=3, age=timedelta(minutes=59), replies=frozenset({"get", "refresh"}))
    world = run(CUT_OFF_WHILE_THE_TOKEN_STILL_WORKS.format("claim", 3) + WAITS_FOR_WHO_IS_CUT_OFF, setting)
    assert world.provider.exchanges == 1 + 1  # r1's tokens had an hour, too
    with broken_exchanges.gives_back_what_it_took_over(), pytest.raises(PromiseBroken) as caught:
        run(CUT_OFF_WHILE_THE_TOKEN_STILL_WORKS.format("release", 1), setting)
    assert caught.value.broken.promise == NEVER_TWICE


def test_joining_a_flight_whose_token_has_expired():
    """Who asks after a token's expiry does not get it from a flight that saved it before."""
    slow = Setting(replies=frozenset({"get", "claim", "refresh", "save"}))
    world = run(SAVED_FOR_LONGER_THAN_THE_TOKEN_WORKS, slow)
    assert world.answers["r1.c2"] == world.stored("alice").tokens.access_token
    assert world.answers["r1.c2"] != world.answers["r1.c1"]


def test_end_of_run_before_the_first_save_fails():
    """The end of asyncio.run waits for tokens whose first save fails only after it has cancelled all."""
    world = run(SWEPT_BEFORE_THE_SAVE_FAILS)
    assert world.stored("alice").version == 2

    async def nothing(self):
        pass

    with replacing(UnsavedTokens, "aclose", nothing)(), pytest.raises(PromiseBroken) as caught:
        run(SWEPT_BEFORE_THE_SAVE_FAILS)
    assert caught.value.broken.promise == NEVER_LOST


def test_unlink_while_an_exchange_is_unresolved(tmp_path):
    """SQLite returned no time that the lease has left, because of a link that it deleted without one."""
    world = replay(lambda: open_store(f"sqlite:///{tmp_path}/links.db"), UNLINKED_WHILE_UNRESOLVED)
    assert world.stored("alice") is None
