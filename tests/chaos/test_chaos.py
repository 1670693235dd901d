"""The storm in its short form: the code of ``make chaos``, with a few kills and some tens of rotations."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import attrs
import psutil
import pytest

from chaos.broken import BROKEN
from chaos.evidence import PROVEN, Evidence
from chaos.oracle import Verdict, judge
from chaos.plan import Plan
from chaos.report import counts, report
from chaos.storm import storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLAN = Plan(
    seed=11,
    replicas=2,
    callers=8,
    links=24,
    kills=2,
    rotations=30,
    kill_every=timedelta(seconds=1),
    lifetime=timedelta(seconds=2),
    cuts=0.1,
    limit=timedelta(seconds=120),
)
BRIEF = Plan(
    seed=12,
    replicas=2,
    callers=8,
    links=16,
    kills=0,
    rotations=12,
    kill_every=timedelta(seconds=0.5),
    lifetime=timedelta(seconds=2),
    cuts=0.0,
    limit=timedelta(seconds=120),
)
_PATIENCE = 60.0


def _assert_no_fault(plan: Plan, evidence: Evidence, verdict: Verdict) -> None:
    said = report("short form", plan, evidence, verdict, seconds=0)
    assert not verdict.faults, said
    numbers = counts(evidence)
    assert plan.kills == numbers["kills"], said
    assert plan.rotations <= numbers["rotations"], said
    assert len(plan.users) == len(evidence.stored), said
    live = [user for user, token in evidence.stored.items() if evidence.server[token].live]
    assert dict.fromkeys(live, PROVEN) == evidence.proven, said
    assert live, said


async def test_a_storm_on_postgres(own_postgres_server, tmp_path):
    """Kills, cuts and a restart of Postgres lose no link and present no token twice without an excuse."""
    async with own_postgres_server.fresh_database() as dsn:
        evidence = await storm(PLAN, dsn, tmp_path, own_postgres_server.restart)
    assert evidence.restarts >= 1
    _assert_no_fault(PLAN, evidence, judge(evidence))


async def test_a_storm_on_a_sqlite_file(tmp_path):
    """Kills and cuts lose no link and present no token twice without an excuse."""
    evidence = await storm(PLAN, f"sqlite:///{tmp_path / 'links.db'}", tmp_path)
    _assert_no_fault(PLAN, evidence, judge(evidence))


NOTICED = {"ignores-leases": "duplicates", "forgets-saves": "losses"}
"""What each broken store must lead to, however the storm goes."""


@pytest.mark.parametrize("how", BROKEN)
async def test_the_oracle_notices_a_broken_store(tmp_path, how):
    """A store that breaks its contract repeats presentations or loses links, and nothing excuses it."""
    plan = attrs.evolve(BRIEF, broken=how)
    verdict = judge(await storm(plan, f"sqlite:///{tmp_path / 'links.db'}", tmp_path))
    assert [finding for finding in getattr(verdict, NOTICED[how]) if finding.excuse is None]


def test_an_interrupted_storm_leaves_nothing_behind(tmp_path):
    """Ctrl-C ends every process and removes every folder."""
    started = subprocess.Popen(
        [sys.executable, "-m", "chaos", "--store", "sqlite", "--links", "4", "--replicas", "2"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with started:
        deadline = time.monotonic() + _PATIENCE
        while not list(tmp_path.glob("*/sqlite/replica-1.*.journal")):
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        children = psutil.Process(started.pid).children(recursive=True)
        started.send_signal(signal.SIGINT)
        complaints = started.communicate(timeout=_PATIENCE)[1]
    assert complaints == b"interrupted\n"
    assert started.returncode == 130
    assert len(children) >= 3
    assert not psutil.wait_procs(children, timeout=0)[1]
    assert not list(tmp_path.iterdir())
