"""How a contract test of linking gets its store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from extauth.domain.linking_ports import Store
from extauth.testing.contract.harness import StoreHarness, runnable
from extauth.testing.contract.linking.witness import LinkingWitness


class LinkingHarness(StoreHarness):
    """Base of the parts about linking: as the others', for a store that keeps more."""

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Return an async context manager that yields a fresh, empty store."""
        msg = "override open_store() to return an async context manager that yields your store"
        raise NotImplementedError(msg)

    def open_another(self) -> AbstractAsyncContextManager[Store] | None:
        """Return one that yields another store object on the database of this test's store.

        As for :class:`~extauth.testing.LinkStoreContract`.
        """
        return None

    async def dump_storage(self) -> str | None:
        """Return all values that this test's open store keeps, as text; no test depends on how.

        By default None: the test that looks for a secret which must be gone is skipped.
        """
        return None


def with_linking_store(
    test: Callable[[Any, Store], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Turn an async test of a store into one that pytest can run without plugins."""
    return runnable(test, linking_opened)


def with_linking_replicas(
    test: Callable[[Any, Store, Store], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Do the same for a test of two store objects on one database; skip it if there can be only one."""

    @asynccontextmanager
    async def replicas(harness: LinkingHarness) -> AsyncGenerator[tuple[LinkingWitness, ...], None]:
        async with linking_opened(harness) as (one,), linking_another(harness) as other:
            yield one, other

    return runnable(test, replicas)


@asynccontextmanager
async def linking_opened(harness: LinkingHarness) -> AsyncGenerator[tuple[LinkingWitness], None]:
    """Open a fresh store."""
    async with harness.open_store() as store:
        yield (LinkingWitness(store),)


@asynccontextmanager
async def linking_another(harness: LinkingHarness) -> AsyncGenerator[LinkingWitness, None]:
    """Open another store object on the same database, or skip the test."""
    opening = harness.open_another()
    if opening is None:
        pytest.skip("open_another() is not overridden: this store cannot be opened twice")
    async with opening as store:
        yield LinkingWitness(store)
