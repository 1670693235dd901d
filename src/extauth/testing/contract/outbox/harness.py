"""How a contract test of the outbox gets its store, and what such tests do again and again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.linking_ports import Store
from extauth.domain.outbox import ClaimedEvent, LinkEvent, Outbox
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.harness import StoreHarness, runnable
from extauth.testing.contract.linking.harness import LinkingHarness, linking_another, linking_opened
from extauth.testing.contract.linking.witness import LinkingWitness

ALICE, BOB = LinkKey("github", "alice"), LinkKey("github", "bob")
WEEK, LONG = timedelta(days=7), timedelta(hours=1)
ME, YOU = "me", "you"
TOKENS = TokenSet("at-1", "rt-1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class WithOutbox(Protocol):
    """A store that has an outbox."""

    @property
    def outbox(self) -> Outbox:
        """Its outbox."""
        ...


class OutboxWitness(LinkingWitness):
    """A store as the tests see it, with its outbox."""

    @property
    def outbox(self) -> Outbox:
        """The outbox of the store."""
        found: Any = self.store
        outbox: Outbox = found.outbox
        return outbox


def with_outbox(test: Callable[[Any, OutboxWitness], Awaitable[None]]) -> Callable[[StoreHarness], None]:
    """Turn an async test of a store to whose events somebody listens into one for pytest without plugins."""

    @asynccontextmanager
    async def listened_to(harness: LinkingHarness) -> AsyncGenerator[tuple[OutboxWitness], None]:
        async with linking_opened(harness) as (opened,):
            store = OutboxWitness(opened.linking_store)
            await store.outbox.keep_on()
            yield (store,)

    return runnable(test, listened_to)


def with_outbox_replicas(
    test: Callable[[Any, OutboxWitness, OutboxWitness], Awaitable[None]],
) -> Callable[[StoreHarness], None]:
    """Do the same for a test of two store objects on one database; skip it if there can be only one."""

    @asynccontextmanager
    async def replicas(harness: LinkingHarness) -> AsyncGenerator[tuple[OutboxWitness, ...], None]:
        async with linking_opened(harness) as (one,), linking_another(harness) as other:
            stores = OutboxWitness(one.linking_store), OutboxWitness(other.linking_store)
            await stores[0].outbox.keep_on()
            yield stores

    return runnable(test, replicas)


def unheard(test: Callable[[Any, OutboxWitness], Awaitable[None]]) -> Callable[[StoreHarness], None]:
    """Do the same for a store to whose events nobody has ever listened."""

    @asynccontextmanager
    async def opened(harness: LinkingHarness) -> AsyncGenerator[tuple[OutboxWitness], None]:
        async with linking_opened(harness) as (opened,):
            yield (OutboxWitness(opened.linking_store),)

    return runnable(test, opened)


async def broken_link(store: Store, key: LinkKey = ALICE, reason: str = "invalid_grant") -> int:
    """Make a link that its provider has rejected, and return its version."""
    link = await store.put(key, TOKENS)
    await store.record_failure(key, link.version, mark(link.version, reason))
    return link.version


def mark(version: int, reason: str = "invalid_grant", *, retry: bool = False) -> RefreshFailure:
    """Return a failure mark, a permanent one unless ``retry``."""
    return RefreshFailure(reason, NOW, version, retry_at=NOW + LONG if retry else None)


async def taken(store: WithOutbox, limit: int = 100) -> list[LinkEvent]:
    """Take every event that can be had, one after the other for each link."""
    events: list[LinkEvent] = []
    while claimed := await store.outbox.claim(ME, LONG, limit=limit):
        for each in claimed:
            gone = await store.outbox.acknowledge(each.number, ME)
            expect(gone, True, "acknowledge of a claimed event must return True")
        events += [each.event for each in claimed]
    return events


async def one_claimed(store: WithOutbox, owner: str = ME, ttl: timedelta = LONG) -> ClaimedEvent:
    """Claim the one event that there is."""
    claimed = await store.outbox.claim(owner, ttl, limit=100)
    expect_that(len(claimed) == 1, "claim must return the one event that is due", f"{len(claimed)} came")
    return claimed[0]


async def claimed_soon(store: OutboxWitness, owner: str) -> list[ClaimedEvent]:
    """Claim what becomes due within a moment of the store's clock."""
    begun = await store.time()
    while True:
        moment = await store.time()
        if claimed := await store.outbox.claim(owner, LONG, limit=100):
            return claimed
        due = moment > begun + timedelta(seconds=1)
        expect_that(not due, "claim must return an event when it is due again", "it returned none")


def kinds(events: list[LinkEvent]) -> list[tuple[str, LinkKey, int]]:
    """Return what events are about."""
    return [(event.type, event.key, event.version) for event in events]
