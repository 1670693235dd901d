"""Every schedule in which the store loses its last writes at some point: who knows them puts them back."""

from __future__ import annotations

import pytest

from extauth.testing import Bounds
from extauth.testing.schedules.interleaver.promises import HEALED
from proof.forgetful import explore_forgetful
from tests.proof import broken_healing

SMALL = {
    "the last write": Bounds(replicas=1, forgets=(1,)),
    "the last two": Bounds(replicas=1, forgets=(2,)),
    "under two replicas": Bounds(replicas=2, callers=0, late_calls=1, forgets=(2,)),
}
TWICE = Bounds(replicas=1, late_calls=1, forgets=(1, 3))
"""Once more before the first time is seen for what it is."""


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_lost_that_somebody_knows(name):
    """Wherever it happens: no refresh token that was used up is presented, and the newest is stored."""
    report = explore_forgetful(SMALL[name])
    assert report.violations == []
    assert report.complete
    assert report.states > report.endings > 1


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("does_not_look", Bounds(replicas=1, forgets=(2,))),
        ("knows_nothing", Bounds(replicas=1, forgets=(2,))),
        ("does_not_hold", Bounds(replicas=1, forgets=(2,))),
        ("takes_the_second_for_the_first", TWICE),
    ],
)
def test_broken_healing_is_found(name, bounds):
    """Where nobody looks, knows or waits, a link is lost."""
    with getattr(broken_healing, name)():
        report = explore_forgetful(bounds)
    assert [violation.broken.promise for violation in report.violations] == [HEALED]
