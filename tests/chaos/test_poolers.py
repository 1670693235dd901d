"""The storm of ``python -m chaos.poolers``, small, by the way in that needs no other program."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chaos.poolers import How, give_way
from extauth import RefreshPolicy

POLICY = RefreshPolicy(hold_after_failover=timedelta(seconds=3))
"""A span in which all replicas notice, also on a machine that is slow."""


@pytest.mark.parametrize("how", ["crash", "switchover"])
async def test_each_replica_is_served_again(how: How):
    """No link is lost, and no refresh token presented twice."""
    outcome = await give_way("both servers in the address", how, POLICY, links=6, seed="small")
    assert (outcome.lost, outcome.replays) == (0, 0)
    assert outcome.handover.gone <= outcome.handover.promoted <= outcome.handover.followed
    assert outcome.handover.gone <= min(outcome.reads, outcome.rotations, outcome.whole)
