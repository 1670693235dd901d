"""What only a store whose clock stands still can show."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.due import DueBy
from extauth.domain.link import LinkKey, PendingExchange
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import AlreadyTaken, StateExpired, Taken
from extauth.domain.outcomes import Claimed, Held, Saved
from extauth.domain.token_set import TokenSet
from tests.adapters.memory.conftest import NOON

KEY = LinkKey("github", "alice")
TTL = timedelta(seconds=30)
PENDING = PendingAuthorization(state_hash="hash", key=KEY, redirect_uri="https://app.example/", salt="salt")
LONG = timedelta(minutes=5)


@pytest.fixture
async def store(clock):
    """A store with one link, made at noon."""
    store = MemoryLinkStore(now=clock)
    await store.put(KEY, TokenSet("at-1", "rt-1", expires_at=NOON))
    return store


class TestLeases:
    async def test_a_lease_is_over_when_its_time_is(self, store, clock):
        """At the very instant of its end a lease keeps nobody out and is not live."""
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + TTL
        link = await store.get(KEY)
        assert link.pending == PendingExchange(NOON, live=False)
        assert isinstance(await store.claim(KEY, 1, "two", TTL), Claimed)

    async def test_a_lease_lasts_till_then(self, store, clock):
        """Until its end another owner is told the time that is left of it."""
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + TTL - timedelta(microseconds=1)
        assert await store.claim(KEY, 1, "two", TTL) == Held(timedelta(microseconds=1))

    async def test_an_unresolved_exchange_has_an_age(self, store, clock):
        """The next owner learns exactly how long ago it began."""
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + timedelta(minutes=1)
        claim = await store.claim(KEY, 1, "two", TTL)
        assert claim.unresolved_for == timedelta(minutes=1)

    async def test_no_age_is_negative(self, store, clock):
        """A clock that was put back makes an exchange young, not one of the future."""
        await store.claim(KEY, 1, "one", TTL)
        await store.release(KEY, 1, "one", unresolved=True)
        clock.time = NOON - timedelta(hours=1)
        claim = await store.claim(KEY, 1, "two", TTL)
        assert claim.unresolved_for == timedelta(0)

    async def test_a_renewed_lease_began_when_it_was_taken(self, store, clock):
        """Renewing moves the end of a lease, not its beginning."""
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + timedelta(seconds=10)
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + timedelta(seconds=39)
        link = await store.get(KEY)
        assert link.pending == PendingExchange(NOON, live=True)

    async def test_lists_show_the_exchange_under_way(self, store):
        """A user's links say so too."""
        await store.claim(KEY, 1, "one", TTL)
        link = await store.get(KEY)
        assert link.pending == PendingExchange(NOON, live=True)
        assert await store.links_of("alice") == [link]


async def test_a_save_says_when(store, clock):
    """The time of the save is the link's, whose time of creation stays."""
    clock.time = NOON + LONG
    outcome = await store.save(KEY, 1, TokenSet("at-2", "rt-2"))
    assert isinstance(outcome, Saved)
    assert (outcome.link.created_at, outcome.link.updated_at) == (NOON, NOON + LONG)


async def test_a_page_has_100_links(store):
    """Unless the caller wants more or fewer."""
    for number in range(100):
        await store.put(LinkKey("github", f"user-{number}"), TokenSet("at", "rt", expires_at=NOON))
    assert len(await store.due("github", DueBy.EXPIRY, NOON + LONG)) == 100


class TestAuthorizations:
    async def test_an_authorization_is_over_when_its_time_is(self, store, clock):
        """At the very instant of its end it can no longer be taken, and is purged."""
        await store.begin_authorization(PENDING, TTL)
        clock.time = NOON + TTL
        assert await store.take_authorization("hash") == StateExpired()
        assert await store.purge_authorizations() == 1

    async def test_an_authorization_lasts_till_then(self, store, clock):
        """Until its end it is kept, and can be taken."""
        await store.begin_authorization(PENDING, TTL)
        clock.time = NOON + TTL - timedelta(microseconds=1)
        assert await store.purge_authorizations() == 0
        assert await store.take_authorization("hash") == Taken(PENDING)

    async def test_what_was_taken_is_known_as_taken(self, store, clock):
        """As long as it is kept, though its time is over."""
        await store.begin_authorization(PENDING, TTL)
        await store.take_authorization("hash")
        clock.time = NOON + TTL
        assert await store.take_authorization("hash") == AlreadyTaken()

    async def test_they_tell_states_apart(self, store):
        """Stores that keep different authorizations or registrations do not behave alike."""
        states = [store.state()]
        await store.begin_authorization(PENDING, TTL)
        states.append(store.state())
        await store.take_authorization("hash")
        states.append(store.state())
        await store.keep_registration("name", ClientRegistration(issuer="issuer", client_id="client"))
        states.append(store.state())
        assert len(set(states)) == 4


class TestWaiting:
    async def test_a_short_wait_is_a_wait(self, store):
        """A wait of less than a second notices a save all the same."""
        await store.claim(KEY, 1, "one", TTL)
        waiter = asyncio.create_task(store.wait_for_change(KEY, 1, timedelta(milliseconds=900)))
        await asyncio.sleep(0)
        saved = await store.save(KEY, 1, TokenSet("at-2", "rt-2"))
        assert await waiter == saved.link

    async def test_it_sleeps_till_the_lease_ends(self, store, clock, monkeypatch):
        """Not longer, though the wait may be; not at all if the clock has gone past the end meanwhile."""
        slept = []

        async def sleep(_, *, timeout):
            slept.append(timeout)
            clock.time = NOON + TTL

        monkeypatch.setattr(asyncio, "wait", sleep)
        await store.claim(KEY, 1, "one", TTL)
        clock.time = NOON + TTL - timedelta(milliseconds=20)
        link = await store.wait_for_change(KEY, 1, LONG)
        assert link.pending == PendingExchange(NOON, live=False)
        assert slept == [0.02]

    async def test_nobody_waits_for_ever_in_its_books(self, store):
        """When the wait has ended, whichever way, the store has forgotten it."""
        await store.claim(KEY, 1, "one", TTL)
        waits = [asyncio.create_task(store.wait_for_change(KEY, 1, LONG)) for _ in "ab"]
        await asyncio.sleep(0)
        assert len(store._changes[KEY]) == 2
        waits[0].cancel()
        await asyncio.wait(waits[:1])
        assert len(store._changes[KEY]) == 1
        waits[1].cancel()
        await asyncio.wait(waits)
        assert store._changes == {}
