"""The failover of ``python -m chaos.failover``, small: real servers, and what would lose every link."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from chaos.failover import SAFE, VARIANTS, failover

LINKS = 9
PATIENT = timedelta(seconds=6)
"""For a machine that is slow: all must have noticed by then."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SAFE[-1:])
async def test_nothing_is_lost(name):
    """Every link that a replica knows is put back before a token is presented."""
    variant = VARIANTS[name]
    policy = attrs.evolve(variant.policy, hold_after_failover=PATIENT)
    outcome = await failover(attrs.evolve(variant, policy=policy), LINKS)
    assert (outcome.live, outcome.replays) == (LINKS, 0)
    assert any(event.healed for event in outcome.healed)
    assert all((event.missing, event.unread) == (0, 0) for event in outcome.healed)


async def test_nothing_remembered():
    """Without it every link is lost: the failover is a real one."""
    outcome = await failover(VARIANTS["nothing is remembered"], LINKS)
    assert (outcome.live, outcome.replays) == (0, LINKS)
