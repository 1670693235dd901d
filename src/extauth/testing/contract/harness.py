"""How a contract test gets its store, and what the tests put into it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from extauth.domain.link import Link, LinkKey, TokenSet
from extauth.domain.outcomes import Claimed, Held
from extauth.domain.ports import LinkStore

KEY = LinkKey("github", "alice")
TTL = timedelta(seconds=30)
BRIEF = timedelta(milliseconds=1)


class StoreHarness:
    """Base of the contract's parts."""

    def open_store(self) -> AbstractAsyncContextManager[LinkStore]:
        """Return an async context manager that yields a fresh, empty store."""
        msg = "override open_store() to return an async context manager that yields your store"
        raise NotImplementedError(msg)


def with_store(
    test: Callable[[Any, LinkStore], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Turn an async test of a store into one that pytest can run without plugins."""

    async def run(harness: StoreHarness) -> None:
        async with harness.open_store() as store:
            await test(harness, store)

    def test_with_store(self: StoreHarness) -> None:
        asyncio.run(run(self))

    functools.update_wrapper(test_with_store, test)
    del test_with_store.__wrapped__  # type: ignore[attr-defined]  # pytest would see a `store` fixture
    return test_with_store


def tokens(number: int = 1, **changes: Any) -> TokenSet:
    """Return a distinguishable token set."""
    values: dict[str, Any] = {
        "access_token": f"at-{number}",
        "refresh_token": f"rt-{number}",
        "expires_at": datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=number),
        **changes,
    }
    return TokenSet(**values)


def settled(link: Link | None) -> Link:
    """Return the link, which must be there."""
    assert link is not None, "the store has no link where one was put"
    return link


async def claimed(
    store: LinkStore, version: int = 1, owner: str = "owner-1", ttl: timedelta = TTL, key: LinkKey = KEY
) -> Claimed:
    """Claim, which must succeed."""
    outcome = await store.claim(key, version, owner, ttl)
    assert isinstance(outcome, Claimed), f"claim gave {outcome!r} instead of Claimed"
    return outcome


async def claimed_after_lapse(store: LinkStore, owner: str, ttl: timedelta = TTL) -> Claimed:
    """Claim again and again until the lease of another owner, a brief one, has lapsed."""
    while True:
        outcome = await store.claim(KEY, 1, owner, ttl)
        if isinstance(outcome, Claimed):
            return outcome
        assert isinstance(outcome, Held), f"claim gave {outcome!r} while the lease was live"
        await asyncio.sleep(outcome.remaining.total_seconds())
