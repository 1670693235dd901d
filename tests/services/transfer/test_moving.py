"""Links move between two processes at work, and none is lost; a plain copy loses many."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.moving import move

LINKS = 200
BRIEF = timedelta(seconds=4)


@pytest.mark.slow
async def test_none_is_lost(tmp_path):
    """Both sides serve callers all the while; each link is refreshed by one of them at a time."""
    moved = await move(tmp_path, LINKS, lifetime=BRIEF, callers=8)
    assert (moved.ended, moved.refreshed) == (0, LINKS)
    given, taken, given_again, taken_again = moved.reports
    assert given == {"exported": LINKS, "frozen": 0, "left_out": []}
    assert (taken["added"], taken["fenced"], taken["refused"]) == (LINKS, LINKS, [])
    assert given_again == {"exported": LINKS, "frozen": LINKS, "left_out": []}
    assert (taken_again["added"], taken_again["renewed"], taken_again["refused"]) == (0, LINKS, [])
    assert {"served", "link_fenced", "refresh_in_progress", "link_not_found"} >= {*moved.here, *moved.there}
    assert moved.here["served"] > 0 < moved.there["served"]


@pytest.mark.slow
async def test_a_copy_loses_links(tmp_path):
    """Without the fence both sides present the same refresh tokens, and the server ends the grants."""
    copied = await move(tmp_path, LINKS, lifetime=BRIEF, callers=8, fenced=False)
    assert copied.ended >= LINKS // 2
    assert copied.refreshed <= LINKS - copied.ended
