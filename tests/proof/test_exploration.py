"""Every schedule of configurations small enough for every run; `make prove` walks the larger ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth.testing import Bounds, explore
from extauth.testing.schedules.explorer.walk import memory_store
from proof.configurations import CONFIGURATIONS
from tests.support.encrypted_memory import EncryptedMemory

SMALL = {
    "two replicas": Bounds(replicas=2, crashes=1, lost_replies=1, authorizations=1, unlinks=1),
    "two replicas, two callers each": Bounds(replicas=2, callers=2, crashes=1),
    "three replicas": Bounds(replicas=3, crashes=1, lost_replies=1),
    "leases lapse under slow holders": Bounds(replicas=2, leaps=1, lost_replies=1),
    "the token still works": Bounds(replicas=2, lost_replies=1, late_calls=1, left=timedelta(minutes=1)),
    "a token for a resource, too": Bounds(replicas=2, wanted=("", "mail"), crashes=1, lost_replies=1),
    "three tokens of one grant": Bounds(replicas=1, callers=3, wanted=("", "mail", "files"), lost_replies=1),
    "the store's clock is set ahead": Bounds(replicas=2, jumps=(3600,), leaps=1),
    "the store's clock is set back": Bounds(replicas=2, jumps=(-3600,), crashes=1),
    "the store fails": Bounds(replicas=2, store_failures=1, leaps=1),
    "keys are rotated": Bounds(replicas=2, rotations=1, lost_replies=1),
}

LARGE = {
    "two replicas",
    "two replicas, two callers each",
    "three replicas",
    "three tokens of one grant",
    "keys are rotated",
}
"""Which of them `make prove` walks."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.proof if name in LARGE else ()) for name in SMALL]
)
def test_no_schedule_breaks_a_promise(name):
    """Whatever the order of events, every promise is kept, and a fresh replica gets the token in the end."""
    report = explore(SMALL[name])
    assert report.violations == []
    assert report.complete
    assert report.states > report.endings > 0
    print(f"{name}: {report.states} states, {report.schedules} schedules, {report.endings} endings")


ENCRYPTED = (
    pytest.param("two replicas", marks=pytest.mark.proof),
    "a token for a resource, too",
    pytest.param("the store fails", marks=pytest.mark.proof),
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ENCRYPTED)
def test_encryption_makes_no_difference(name):
    """On an encrypted store exactly the same can happen: state by state, schedule by schedule."""
    plain, encrypted = (
        explore(SMALL[name], make_store=make)
        for make in (memory_store, lambda clock: EncryptedMemory(clock.store_now))
    )
    assert encrypted.violations == []
    assert encrypted.complete
    assert (encrypted.states, encrypted.schedules) == (plain.states, plain.schedules)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_no_rotation_breaks_a_promise_on_an_encrypted_store():
    """A rotation reads and writes at any point of a refresh or a reconnection, and its replica dies."""
    bounds = Bounds(replicas=1, rotations=1, crashes=1, authorizations=1)
    report = explore(bounds, make_store=lambda clock: EncryptedMemory(clock.store_now))
    assert report.violations == []
    assert report.complete
    print(f"{report.states} states, {report.schedules} schedules")


def test_no_schedule_with_reseals_breaks_a_promise_on_an_encrypted_store():
    """Every text is sealed anew at any point of a refresh, crash or reconnection."""
    bounds = Bounds(replicas=2, crashes=1, authorizations=1, reseals=1)
    report = explore(bounds, make_store=lambda clock: EncryptedMemory(clock.store_now))
    assert report.violations == []
    assert report.complete


def test_the_proof_covers_what_it_says():
    """The large walk has every mishap at any point, with two callers on two replicas, and three replicas."""
    two = CONFIGURATIONS["two replicas, two callers each"]
    three = CONFIGURATIONS["three replicas"]
    assert (two.replicas, two.callers, three.replicas) == (2, 2, 3)
    several = CONFIGURATIONS["a token for a resource, too"]
    assert len(set(several.wanted)) > 1
    for bounds in (two, three):
        assert min(bounds.crashes, bounds.lost_replies, bounds.authorizations, bounds.unlinks) >= 1


def test_an_exploration_can_be_cut_short():
    """With a limit the walk ends early and says that it is not complete."""
    report = explore(SMALL["two replicas"], most_states=100)
    assert not report.complete
    assert 100 <= report.states < 200
