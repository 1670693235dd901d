"""The contracts bite: each store with a bug is caught by the test that was made for it."""

from __future__ import annotations

import functools
import re
from datetime import timedelta

import pytest

from extauth.domain.imports import ImportStore
from extauth.domain.linking_ports import Store
from extauth.domain.readiness import PingableStore
from extauth.testing import ImportStoreContract, LinkingStoreContract, LinkStoreContract
from tests.proof.breakable_store import ContractOn, HealthyStore
from tests.proof.broken_stores import BROKEN_STORES

PARTS = (*LinkStoreContract.__bases__, *LinkingStoreContract.__bases__, *ImportStoreContract.__bases__)
CONTRACT = [name for part in PARTS for name in vars(part) if name.startswith("test_")]

ALSO_CAUGHT = {
    "test_a_lapse_changes_no_credentials": "ClaimBumpsVersion",
    "test_an_owner_learns_of_its_own_unresolved_exchange": "CrashForgotten",
    "test_a_lapsed_owner_cannot_release_the_next": "ReleaseByAnybody",
    "test_a_late_release_leaves_a_newer_lease": "ReleaseWithoutVersion",
    "test_an_authorization_among_saves_wins": "SaveReadsThenWrites",
    "test_an_unlink_among_saves_wins": "SaveReadsThenWrites",
    "test_a_cancelled_claim_can_be_repeated": "OwnClaimCounts",
    "test_a_cancelled_release_can_be_repeated": "ReleaseKeepsLease",
    "test_one_save_of_many_replicas_wins": "SaveReadsThenWrites",
    "test_simultaneous_reads_of_a_broken_store_all_fail": "ErrorAsNothing",
}
"""Contract tests that no store was broken for especially, with a bug that each of them catches too."""


@functools.cache
def complaint(store_class: type[HealthyStore], test: str) -> str | None:
    """Run one contract test on a store; return what it says is wrong, or None.

    A store that hangs is waited for a moment, and longer if that moment was too short to get to the hang.
    """
    patience = store_class.patience
    while True:
        try:
            getattr(ContractOn(store_class, patience), test)()
        except AssertionError as error:
            said = str(error)
        else:
            return None
        hangs = "not ended" in said and test == store_class.caught_by
        if not hangs or names(store_class.method, said) or patience > timedelta(minutes=1):
            return said
        patience *= 2


def names(method: str, said: str) -> bool:
    """Whether the failure names the method."""
    return re.search(rf"\b{method}\b", said) is not None


@pytest.mark.parametrize("test", CONTRACT)
def test_nothing_is_wrong_with_a_healthy_store(test):
    """The store that the broken ones are made from passes every test in the same runner, none skipped."""
    assert complaint(HealthyStore, test) is None


@pytest.mark.parametrize(
    "store_class",
    [
        pytest.param(each, id=f"{each.__name__}-{each.caught_by}-{CONTRACT.index(each.caught_by) + 1}")
        for each in BROKEN_STORES
    ],
)
def test_a_broken_store_is_caught(store_class, record_property):
    """The test made for the bug fails, and names the method; the id says which, and its number."""
    said = complaint(store_class, store_class.caught_by)
    assert said is not None, f"{store_class.__name__} passed {store_class.caught_by}"
    assert names(store_class.method, said)
    first = next(number for number, test in enumerate(CONTRACT, 1) if complaint(store_class, test))
    record_property("caught by", store_class.caught_by)
    record_property("caught after", first)
    record_property("complaint", said)
    print(f"{store_class.__name__}: caught after {first} of {len(CONTRACT)} tests, by {CONTRACT[first - 1]}")
    print(f"  {store_class.caught_by}: {said}")


@pytest.mark.parametrize(("test", "name"), ALSO_CAUGHT.items())
def test_a_second_test_catches_the_bug(test, name):
    """A bug with a test of its own is noticed by this one as well."""
    store_class = next(each for each in BROKEN_STORES if each.__name__ == name)
    assert complaint(store_class, test) is not None


def test_every_contract_test_catches_something():
    """There is no test in the contract that cannot fail."""
    assert sorted({*ALSO_CAUGHT, *(each.caught_by for each in BROKEN_STORES)}) == sorted(CONTRACT)


def test_every_contract_test_is_found():
    """No part of the contract is left out of these runs."""
    assert sorted(CONTRACT) == sorted(name for name in dir(ContractOn) if name.startswith("test_"))


def test_there_is_a_bug_for_every_method():
    """Each method of the ports is broken in some way."""
    methods = {
        name for port in (Store, ImportStore, PingableStore) for name in dir(port) if not name.startswith("_")
    }
    assert {each.method for each in BROKEN_STORES} == methods
