"""How a contract test gets its store."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar

import attrs
import pytest

from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.witness import Witness


class StoreHarness:
    """Base of the contract's parts."""

    patience: ClassVar[timedelta] = timedelta(minutes=1)
    """How long a test may take until it is said to hang. Nothing else depends on it."""
    encrypts: ClassVar[bool] = False
    """Whether the store encrypts what is secret. Then it gives out what no key is needed for, and so names
    none, and what it keeps shows no secret."""

    def open_store(self) -> AbstractAsyncContextManager[LinkStore]:
        """Return an async context manager that yields a fresh, empty store."""
        msg = "override open_store() to return an async context manager that yields your store"
        raise NotImplementedError(msg)

    def open_another(self) -> AbstractAsyncContextManager[LinkStore] | None:
        """Return one that yields another store object on the database of this test's store.

        It stands for another replica, and for the same one after a restart: it is entered while the first
        store is open, or after it was left. If the store takes a clock, give this one a wrong one: it
        must not matter. By default None: the tests of replicas and restarts are skipped.
        """
        return None

    def given_out(self, tokens: TokenSet) -> TokenSet:
        """Return tokens as the store gives them out that it was given like this."""
        if not self.encrypts:
            return tokens
        return attrs.evolve(tokens, access_token_key_id=None, refresh_token_key_id=None)

    async def break_storage(self) -> bool:
        """Make every later call of this test's open store fail, and return True.

        Drop its table or cut its connection, for example. By default returns False: the tests of a store
        that does not work are skipped.
        """
        return False

    async def spoil(self, key: LinkKey) -> bool:  # noqa: ARG002 - for those that override it
        """Make the stored row of that link unreadable, as another program could, and return True.

        Write an empty access token to it, for example. By default returns False: the tests of unreadable
        links are skipped.
        """
        return False


def with_store(
    test: Callable[[Any, LinkStore], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Turn an async test of a store into one that pytest can run without plugins."""
    return runnable(test, opened)


def with_replicas(
    test: Callable[[Any, LinkStore, LinkStore], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Do the same for a test of two store objects on one database; skip it if there can be only one."""

    @asynccontextmanager
    async def replicas(harness: StoreHarness) -> AsyncGenerator[tuple[Witness, Witness], None]:
        async with opened(harness) as (one,), another(harness) as other:
            yield one, other

    return runnable(test, replicas)


@asynccontextmanager
async def opened(harness: StoreHarness) -> AsyncGenerator[tuple[Witness], None]:
    """Open a fresh store."""
    async with harness.open_store() as store:
        yield (Witness(store),)


@asynccontextmanager
async def another(harness: StoreHarness) -> AsyncGenerator[Witness, None]:
    """Open another store object on the same database, or skip the test."""
    opening = harness.open_another()
    if opening is None:
        pytest.skip("open_another() is not overridden: this store cannot be opened twice")
    async with opening as store:
        yield Witness(store)


def runnable(
    test: Callable[..., Awaitable[None]],
    opening: Callable[[Any], AbstractAsyncContextManager[tuple[Witness, ...]]],
) -> Callable[[StoreHarness], None]:
    """Turn an async test of what ``opening`` yields into one that pytest can run without plugins."""

    async def run(harness: StoreHarness) -> None:
        witnesses: list[Witness] = []

        async def scene() -> None:
            async with opening(harness) as stores:
                witnesses.extend(stores)
                await test(harness, *stores)

        playing = asyncio.create_task(scene())
        await asyncio.wait({playing}, timeout=harness.patience.total_seconds())
        if not playing.done():
            waited_for = ", ".join(name for store in witnesses for name in store.under_way) or "nothing"
            playing.cancel()
            msg = f"the test has not ended within {harness.patience}: these have not returned: {waited_for}"
            raise AssertionError(msg)
        playing.result()

    def test_with_store(self: StoreHarness) -> None:
        __tracebackhide__ = True
        try:
            asyncio.run(run(self))
        except AssertionError as error:
            raise error.with_traceback(_from_test_on(error.__traceback__, test)) from error.__cause__

    functools.update_wrapper(test_with_store, test)
    del test_with_store.__wrapped__  # type: ignore[attr-defined]  # pytest would see a `store` fixture
    return test_with_store


def _from_test_on(trace: TracebackType | None, test: Callable[..., object]) -> TracebackType | None:
    """Leave out the event loop, so that a failure reads from the test's own line on."""
    code = getattr(test, "__code__", None)
    part = trace
    while part is not None and part.tb_frame.f_code is not code:
        part = part.tb_next
    return part or trace
