"""Every schedule of small configurations in which upkeep works beside callers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from extauth.testing import Bounds, explore
from proof.upkeep_replica import ReplicaWithUpkeep
from tests.proof.upkeep_replica import AsIfRefused, WithAnyLink, WithoutLeases

MINUTE = timedelta(minutes=1)

SMALL = {
    "two replicas with upkeep": Bounds(replicas=2, crashes=1),
    "a reply is lost": Bounds(replicas=2, lost_replies=1),
    "the token still works": Bounds(replicas=2, left=MINUTE, lost_replies=1),
    "a caller beside upkeep": Bounds(replicas=1, callers=2, crashes=1, lost_replies=1, left=MINUTE),
    "upkeep is cancelled": Bounds(replicas=2, cancellations=1, left=MINUTE),
    "the user connects anew": Bounds(replicas=2, authorizations=1, left=MINUTE),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SMALL)
def test_no_schedule_with_upkeep_breaks_a_promise(name):
    """Replicas look after the same link at the same time, and beside callers: nothing is presented twice."""
    report = explore(SMALL[name], make_service=ReplicaWithUpkeep)
    assert report.violations == []
    assert report.complete
    print(f"{name}: {report.states} states, {report.schedules} schedules, {report.endings} endings")


@pytest.mark.parametrize(
    ("ahead", "bounds"),
    [
        (WithoutLeases, Bounds(replicas=2)),
        (WithAnyLink, Bounds(replicas=2, left=MINUTE)),
        (AsIfRefused, Bounds(replicas=2, left=MINUTE, lost_replies=1)),
    ],
)
def test_broken_upkeep_is_found(ahead, bounds):
    """Past the leases, past the version that was due, or past what there is to lose."""
    report = explore(bounds, make_service=partial(ReplicaWithUpkeep, ahead=ahead))
    assert report.violations != []
    print(report.violations[0].broken)
