"""To which side an instant belongs, and in which order things are: exactly, where the clock stands still."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.audit import AuditEntry, AuditKind
from extauth.domain.inventory import LinkFilter
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_outcomes import NoSuchState, Taken
from extauth.domain.outbox import OutboxCounts
from extauth.domain.token_set import TokenSet
from tests.adapters.memory.conftest import NOON

ALICE, BOB = LinkKey("github", "alice"), LinkKey("github", "bob")
MOMENT = timedelta(microseconds=1)
TTL = timedelta(seconds=30)
HOUR = timedelta(hours=1)


@pytest.fixture
async def store(clock):
    """A store with two links whose tokens end in an hour, and somebody who listens for a day."""
    store = MemoryLinkStore(now=clock)
    await store.outbox.keep_on(24 * HOUR)
    for key in ALICE, BOB:
        await store.put(key, TokenSet("at-1", expires_at=NOON + HOUR))
    return store


async def broken(store, key):
    """Let the provider reject that user's grant."""
    link = await store.get(key)
    mark = RefreshFailure("invalid_grant", NOON, link.version)
    await store.record_failure(key, link.version, mark)


class TestOutbox:
    async def test_a_lease_on_an_event(self, store, clock):
        """Is over at its end; an event is due the moment that it happens."""
        await broken(store, ALICE)
        (first,) = await store.outbox.claim("one", TTL, limit=9)
        clock.time = NOON + TTL - MOMENT
        assert await store.outbox.claim("two", TTL, limit=9) == []
        clock.time = NOON + TTL
        assert await store.outbox.claim("two", TTL, limit=9) == [attrs.evolve(first, attempt=2)]

    async def test_an_event_that_is_put_off(self, store, clock):
        """Is due again at once, or when its time has come; who had it has it no more."""
        await broken(store, ALICE)
        for delay, due in (timedelta(0), NOON), (HOUR, NOON + HOUR):
            (event,) = await store.outbox.claim("one", TTL, limit=9)
            assert await store.outbox.postpone(event.number, "one", delay, "http_503")
            assert not await store.outbox.acknowledge(event.number, "one")
            clock.time = due - MOMENT
            assert await store.outbox.claim("one", TTL, limit=9) == []
            clock.time = due

    async def test_what_was_set_aside_comes_last_when_it_is_taken_up(self, store, clock):
        """It is due from then on, as if for the first time."""
        await broken(store, ALICE)
        (event,) = await store.outbox.claim("one", TTL, limit=9)
        await store.outbox.postpone(event.number, "one", None, "gone")
        clock.time = NOON + HOUR
        await broken(store, BOB)
        clock.time = NOON + 2 * HOUR
        assert await store.outbox.requeue() == 1
        claimed = await store.outbox.claim("one", TTL, limit=9)
        assert [(each.event.key, each.attempt) for each in claimed] == [(BOB, 1), (ALICE, 1)]

    async def test_counts(self, store, clock):
        """The oldest of those that wait; what was set aside waits no more."""
        until = NOON + 24 * HOUR
        assert await store.outbox.counts() == OutboxCounts(0, 0, None, until)
        await broken(store, ALICE)
        clock.time = NOON + HOUR
        await broken(store, BOB)
        assert await store.outbox.counts() == OutboxCounts(2, 0, NOON, until)
        (event,) = await store.outbox.claim("one", TTL, limit=1)
        await store.outbox.postpone(event.number, "one", None, "gone")
        assert await store.outbox.counts() == OutboxCounts(1, 1, NOON + HOUR, until)

    async def test_nobody_listens_for_ever(self, store, clock):
        """Not at the end of the time either."""
        clock.time = NOON + 24 * HOUR - MOMENT
        await broken(store, ALICE)
        clock.time = NOON + 24 * HOUR
        await broken(store, BOB)
        assert (await store.outbox.counts()).waiting == 1

    @pytest.mark.parametrize(
        ("since", "before", "found"),
        [
            (NOON, NOON + HOUR, 2),
            (NOON, NOON + HOUR - MOMENT, 0),
            (NOON + HOUR, NOON + 2 * HOUR, 2),
            (NOON + HOUR + MOMENT, NOON + 2 * HOUR, 0),
        ],
    )
    async def test_links_that_end_between_two_instants(self, store, since, before, found):
        """Both of these included."""
        assert len(await store.outbox.ending(None, since=since, before=before, limit=9)) == found


class TestAudit:
    async def test_since_and_before(self, store, clock):
        """Of that instant an entry is found, and stays where those before it go."""
        for hours in range(3):
            clock.time = NOON + hours * HOUR
            await store.audit.append([AuditEntry(AuditKind.EXPORTED)])
        found = await store.audit.find(since=NOON + HOUR)
        assert [entry.at for _, entry in found] == [NOON + HOUR, NOON + 2 * HOUR]
        assert await store.audit.purge(NOON + HOUR) == 1
        assert await store.audit.find() == found


async def test_counting_goes_on_after_a_link(store):
    """As finding does."""
    everything = await store.inventory.count(LinkFilter())
    rest = await store.inventory.count(LinkFilter(), after=ALICE)
    assert ([*everything.counts.values()], [*rest.counts.values()]) == ([2], [1])


async def test_a_lease_that_is_given_back_leaves_nothing_behind(store):
    """Unless its holder says that an exchange is unresolved."""
    for unresolved, expected in ({}, False), ({"unresolved": True}, True):
        await store.claim(ALICE, 1, "one", TTL)
        assert await store.release(ALICE, 1, "one", **unresolved)
        assert ((await store.get(ALICE)).pending is not None) is expected


async def test_of_two_that_end_together_the_first_begun_gives_way(store):
    """Whatever their states are."""
    for state_hash in "z", "a", "m":
        pending = PendingAuthorization(
            state_hash=state_hash, key=ALICE, redirect_uri="https://app.example/", salt="salt"
        )
        await store.begin_authorization(pending, HOUR, at_most=2)
    outcomes = [await store.take_authorization(each, user_id="alice") for each in ("z", "a", "m")]
    assert [type(outcome) for outcome in outcomes] == [NoSuchState, Taken, Taken]
