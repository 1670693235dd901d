"""A store that does not work says so: an error is no lost race and no empty table.

A store that overrides ``break_storage`` runs these; they are skipped for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from extauth.domain.due import DueBy
from extauth.domain.errors import StoreUnavailable
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import fail, shown
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import BRIEF, DEAD, KEY, TTL, claimed, tokens
from extauth.testing.contract.witness import beneath


class BrokenStorageContract(StoreHarness):
    """Errors, once the storage does not work."""

    @with_store
    async def test_a_broken_store_is_no_lost_race(self, store: LinkStore) -> None:
        """Each method raises StoreUnavailable with the driver's error as its cause, and returns nothing."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        await expect_broken(self)
        inner = beneath(store)
        calls: dict[str, Awaitable[object]] = {
            "get": inner.get(KEY),
            "links_of": inner.links_of("alice"),
            "put": inner.put(KEY, tokens(2)),
            "delete": inner.delete(KEY),
            "claim": inner.claim(KEY, 1, "owner-1", TTL),
            "save": inner.save(KEY, 1, tokens(2)),
            "record_failure": inner.record_failure(KEY, 1, DEAD),
            "lift_failure": inner.lift_failure("github"),
            "release": inner.release(KEY, 1, "owner-1"),
            "reseal": inner.reseal(KEY, 1, tokens(2)),
            "due": inner.due("github", DueBy.EXPIRY, datetime(2040, 1, 1, tzinfo=UTC)),
            "wait_for_change": inner.wait_for_change(KEY, 1, BRIEF),
        }
        ends = await asyncio.gather(*calls.values(), return_exceptions=True)
        for method, end in zip(calls, ends, strict=True):
            expect_unavailable(method, end)

    @with_store
    async def test_simultaneous_reads_of_a_broken_store_all_fail(self, store: LinkStore) -> None:
        """However reads are put together, each caller is told."""
        await store.put(KEY, tokens(1))
        await expect_broken(self)
        reads = (beneath(store).get(KEY) for _ in range(8))
        for end in await asyncio.gather(*reads, return_exceptions=True):
            expect_unavailable("get", end)


async def expect_broken(harness: StoreHarness) -> None:
    """Break the storage, or skip the test."""
    if not await harness.break_storage():
        pytest.skip("break_storage() is not overridden: nothing says how this store can fail")


def expect_unavailable(method: str, end: object) -> None:
    """Expect that the call ended with the error of a store that does not work."""
    __tracebackhide__ = True
    promise = f"{method} must raise StoreUnavailable when the storage fails"
    if not isinstance(end, BaseException):
        fail(promise, f"it returned {shown(end)}")
    if not isinstance(end, StoreUnavailable):
        msg = f"{promise}, but it raised {type(end).__name__}"
        raise AssertionError(msg) from end  # noqa: TRY004 - it is no argument of ours
    if end.__cause__ is None:
        fail(f"{promise}, with the driver's error as __cause__", "__cause__ was None")
