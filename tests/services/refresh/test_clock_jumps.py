"""The store's clock is set ahead or back under leases: no token twice, and no link blocked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from extauth import LinkKey, RefreshPolicy, TokenService, TokenSet
from extauth.domain.outcomes import Claimed, Held
from extauth.domain.store_clock import lease_owner
from extauth.testing import ScriptedProvider
from tests.support.jumps import jump

KEY = LinkKey("scripted", "alice")
HOUR = timedelta(hours=1)
BRIEF = RefreshPolicy(
    exchange_timeout=timedelta(seconds=0.5), save_margin=timedelta(seconds=1), lease_ttl=timedelta(seconds=2)
)
OWNER = lease_owner(7, BRIEF.lease_ttl)


class Watched:
    """A replica's way to the store, on which it can be seen what its claims have found."""

    def __init__(self, store):
        self.store = store
        self.held = []
        self.kept_out = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def claim(self, *arguments, takeover=True):
        """Claim, and take note of what is in the way."""
        claim = await self.store.claim(*arguments, takeover=takeover)
        if isinstance(claim, Held):
            self.held.append(claim)
            if len(self.held) > 2:
                self.kept_out.set()
        return claim


async def linked(store, provider):
    """Connect a user whose access token has expired."""
    grant = provider.grant("alice")
    await store.put(KEY, TokenSet("at-old", grant.refresh_token, expires_at=datetime(2020, 1, 1, tzinfo=UTC)))


async def test_set_ahead_during_an_exchange(any_store, monkeypatch):
    """The lease seems to have lapsed an hour ago, and the token is presented once all the same."""
    provider = ScriptedProvider("scripted")
    await linked(any_store, provider)
    provider.gate = asyncio.Event()
    watched = Watched(any_store)
    async with (
        TokenService(any_store, [provider]) as holder,
        TokenService(watched, [provider]) as other,
    ):
        first = asyncio.create_task(holder.access_token("scripted", "alice"))
        await provider.exchanging.wait()
        jump(any_store, HOUR, monkeypatch)
        second = asyncio.create_task(other.access_token("scripted", "alice"))
        await watched.kept_out.wait()
        assert all(held.remaining < -timedelta(minutes=50) for held in watched.held)
        provider.gate.set()
        assert await first == await second
    assert provider.exchanges == 1


async def test_set_back_after_a_crash(any_store, monkeypatch):
    """The lease seems to last for an hour, and no longer than it was watched for its length."""
    provider = ScriptedProvider("scripted")
    await linked(any_store, provider)
    await any_store.claim(KEY, 1, OWNER, BRIEF.lease_ttl)
    jump(any_store, -HOUR, monkeypatch)
    watched = Watched(any_store)
    async with TokenService(watched, [provider], policy=BRIEF) as service:
        link = await service.link("scripted", "alice")
    assert link.version == 2
    assert provider.exchanges == 1
    assert watched.held[0].remaining > timedelta(minutes=50)


async def test_set_back_while_it_waits(any_store, monkeypatch):
    """Who waits for a replica that has crashed goes on in the end."""
    provider = ScriptedProvider("scripted")
    await linked(any_store, provider)
    await any_store.claim(KEY, 1, OWNER, BRIEF.lease_ttl)
    watched = Watched(any_store)
    async with TokenService(watched, [provider], policy=BRIEF) as service:
        call = asyncio.create_task(service.link("scripted", "alice"))
        while not watched.held:
            await asyncio.sleep(0)
        jump(any_store, -HOUR, monkeypatch)
        assert (await call).version == 2


async def test_a_lease_that_was_renewed_is_watched_anew(any_store, monkeypatch):
    """Its holder lives: what was watched of it before is no reason to take it over."""
    provider = ScriptedProvider("scripted")
    await linked(any_store, provider)
    watched = Watched(any_store)
    patient = RefreshPolicy(wait_timeout=timedelta(milliseconds=1))
    async with TokenService(watched, [provider], policy=patient) as service:
        jump(any_store, HOUR, monkeypatch)
        for _ in range(3):
            claim = await any_store.claim(KEY, 1, OWNER, BRIEF.lease_ttl)
            assert isinstance(claim, Claimed)
            with pytest.raises(Exception, match="another replica is refreshing"):
                await service.access_token("scripted", "alice")
    assert len({held.lease for held in watched.held}) == 3
    assert provider.exchanges == 0


async def test_a_store_that_knows_no_takeover(any_store):
    """One of the application's own decides by its clock alone, as it did."""

    class Older:
        def __init__(self, store):
            self.store = store
            for name in ("get", "save", "release", "record_failure", "wait_for_change"):
                setattr(self, name, getattr(store, name))

        async def claim(self, key, version, owner, ttl):
            return await self.store.claim(key, version, owner, ttl)

    provider = ScriptedProvider("scripted")
    await linked(any_store, provider)
    await any_store.claim(KEY, 1, OWNER, timedelta(milliseconds=1))
    async with TokenService(Older(any_store), [provider], policy=BRIEF) as service:
        assert (await service.link("scripted", "alice")).version == 2
