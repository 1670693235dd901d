"""What ``make compare`` runs and counts, for the ways that need no other package; and what its page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compare.catalogue import REQUIREMENTS, WAYS, pinned
from compare.report import BEGIN, END, PAGE, Row, tables
from compare.scenarios import LONGEST, SCENARIOS, Result, close, outage, reads, storm
from compare.site import site
from extauth.testing import Fault

OWN = [entry for entry in WAYS if entry.package in {None, "extauth"}]
EXTAUTH, NAIVE = OWN[:2]


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.opened)
async def test_a_storm_on_two_processes(postgres_dsn, entry):
    """Each way runs and is judged: a link is lost by a replay, and by nothing else, with all its callers."""
    result = await storm(entry, postgres_dsn, processes=2, callers=4, rounds=1)
    assert (result.links, result.callers) == (1, 8)
    assert (result.lost, result.failed) == ((1, 8) if result.replays else (0, 0))
    assert sum(result.errors.values()) == result.failed
    if entry.opened in {"opened", "row_lock"}:
        assert (result.presented, result.replays) == (1, 0)


async def test_an_outage_is_outlived(postgres_dsn):
    """While the access token works, nobody fails and nothing is lost."""
    result = await outage(EXTAUTH, postgres_dsn, Fault.UNAVAILABLE_BEFORE, rounds=1)
    assert (result.failed, result.lost, result.callers) == (0, 0, 40)
    assert result.back is not None


@pytest.mark.parametrize(
    ("saved", "revoked", "lost"), [(True, False, 0), (False, False, 1), (False, True, 1)]
)
async def test_a_refresh_that_is_under_way_is_no_loss(saved, revoked, lost):
    """What is stored is judged when the server's answer had time to come, or can be of no use any more."""

    class Worker:
        """A process that has stored the new token when it is asked for the third time, if ever."""

        asked = 0

        async def do(self, order, *, user):
            self.asked += 1
            return new if saved and self.asked > 2 else old

    async with site("postgresql://nobody") as here:
        old = here.grant("alice", left=30.0)["refresh_token"]
        new = here.server.grants.redeem(old, 0.0).refresh_token
        if revoked:
            here.server.grants.revoke(new)
        result, worker = Result(), Worker()
        await close(here, worker, "alice", result, patience=LONGEST if saved or revoked else 0.2)
        assert (result.links, result.lost) == (1, lost)
        assert worker.asked == 1 or not revoked


async def test_the_reads_are_measured(postgres_dsn):
    """A ratio and a time come of it."""
    ratio, bare = await reads(NAIVE, postgres_dsn)
    assert ratio > 0
    assert bare > 0


def test_the_tables_have_a_row_for_each_way():
    """Each scenario has its table, and the first says of all what was lost."""
    results = {scenario.name: Result(links=2, lost=1, callers=3) for scenario in SCENARIOS}
    text = tables([Row(entry, results, (1.5, 0.0002)) for entry in OWN], "15")
    assert text.count("### ") == len(SCENARIOS) + 2
    assert text.count("| extauth ") == len(SCENARIOS) + 3


def test_the_page_has_what_is_pinned():
    """Each table of the page has a row for each way, in the version that is run."""
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| ([^|]+) \|", made, re.MULTILINE)
    names = [entry.name for entry in WAYS]
    found = [row for row in rows if row not in {"way", "---"}]
    assert found == names * (len(SCENARIOS) + 3)


def test_every_package_is_locked():
    """What the ways need is pinned, with hashes."""
    locked = (Path(REQUIREMENTS).parent / "requirements.txt").read_text().lower()
    for entry in WAYS:
        if entry.package not in {None, "extauth"}:
            assert f"\n{entry.package.lower()}=={pinned(entry.package)} " in f"\n{locked}"
    blocks = re.split(r"\n(?=\S)", locked.rstrip())
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
