"""Broken code that no schedule of the test kit shows, because it takes tokens that two users share."""

from __future__ import annotations

import asyncio

import pytest

from extauth import LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import ScriptedProvider, VirtualClock
from tests.proof import broken_flights


async def owners() -> list[str]:
    """Let two users with the very same tokens ask at once, and return whose links they get."""
    clock = VirtualClock()
    store = MemoryLinkStore(now=clock.now)
    provider = ScriptedProvider(reuse="non_rotating", now=clock.now)
    tokens = provider.grant()
    for user in ("alice", "bob"):
        await store.put(LinkKey("scripted", user), tokens)
    clock.advance(3600)
    async with TokenService(store, [provider], clock=Standing(clock)) as service:
        links = await asyncio.gather(service.link("scripted", "alice"), service.link("scripted", "bob"))
    return [link.key.user_id for link in links]


class Standing:
    """A clock that stands still; nobody sleeps by it."""

    def __init__(self, clock):
        self.now = clock.now
        self.monotonic = clock.monotonic

    async def sleep(self, seconds):
        raise AssertionError(seconds)


@pytest.mark.parametrize(
    "broken", [broken_flights.keyed_by_access_token, broken_flights.keyed_by_refresh_token], ids=["at", "rt"]
)
async def test_flights_keyed_by_a_token(broken):
    """Users who share a token, as those of one account may, get their own links; by a flight that is keyed
    by the token one gets the other's."""
    assert await owners() == ["alice", "bob"]
    with broken():
        assert await owners() == ["alice", "alice"]
