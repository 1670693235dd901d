"""The flows on the stores that ship."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extauth import (
    Account,
    AlreadyCompleted,
    AuthorizationFailed,
    ConsentDenied,
    LinkingService,
    LinkKey,
    TokenService,
    UnknownState,
    WrongUser,
    open_store,
)
from extauth.testing import ScriptedLinkingProvider
from tests.services.linking.conftest import KEY, REDIRECT_URI, parameters


@pytest.fixture(params=["memory", "sqlite"])
def url(request, tmp_path):
    """Where the links are kept."""
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/links.db"


@pytest.fixture
async def store(url):
    """A fresh store."""
    async with open_store(url) as opened:
        yield opened


@pytest.fixture
def provider():
    """One that knows alice."""
    made = ScriptedLinkingProvider()
    made.accounts = {"alice-there": Account("id-1", login="alice")}
    return made


async def authorized(service: Any, provider: Any, user: str = "alice") -> Any:
    """Let the user begin and say yes."""
    return provider.consent(await service.begin("scripted", user, REDIRECT_URI), "alice-there")


async def test_from_connecting_to_disconnecting(store: Any, provider: Any):
    """Connect, get a token, refresh, validate, disconnect."""
    async with LinkingService(store, [provider]) as linking, TokenService(store, [provider]) as tokens:
        link = await linking.complete(await authorized(linking, provider), user_id="alice")
        assert await store.get(KEY) == link
        assert link.account == Account("id-1", login="alice")
        assert await tokens.access_token("scripted", "alice") == link.tokens.access_token
        assert (await tokens.refresh("scripted", "alice")).account == link.account
        assert (await linking.unlink("scripted", "alice")).revoked
        assert await linking.links("alice") == []
        assert provider.tokens.grants.live_refresh_tokens("alice-there") == set()


async def test_one_callback_and_one_user(store: Any, provider: Any):
    """Another user's call does not spoil it, one of many at once completes it, an unlink withdraws it."""
    services = [LinkingService(store, [provider]) for _ in range(3)]
    callback = await authorized(services[0], provider)
    with pytest.raises(WrongUser):
        await services[0].complete(callback, user_id="mallory")
    calls = [service.complete(callback, user_id="alice") for service in services]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyCompleted"] * 2 + ["Link"]
    assert len(provider.presented) == 1
    callback = await authorized(services[0], provider)
    await services[1].unlink("scripted", "alice")
    with pytest.raises(UnknownState):
        await services[2].complete(callback, user_id="alice")
    for service in services:
        await service.aclose()


async def test_a_device(store: Any, provider: Any):
    """The device flow, too, with what the provider's answer holds."""
    provider.interval /= 1000
    async with LinkingService(store, [provider]) as linking:
        device = await linking.begin_device("scripted", "alice", scopes=["read"])
        provider.approve_device(device.user_code, "alice-there")
        link = await linking.complete_device(device)
        assert link.tokens.scopes == {"read"}
        assert await store.get(LinkKey("scripted", "alice")) == link


async def test_a_restart_in_between(tmp_path, provider):
    """What was begun is in the file, and the state itself is not."""
    path = tmp_path / "links.db"
    async with open_store(f"sqlite:///{path}") as store, LinkingService(store, [provider]) as linking:
        callback = await authorized(linking, provider)
    state = parameters(callback)["state"].encode()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert state not in kept
    async with open_store(f"sqlite:///{path}") as store, LinkingService(store, [provider]) as linking:
        assert (await linking.complete(callback, user_id="alice")).version == 1
    async with open_store(f"sqlite:///{path}") as store, LinkingService(store, [provider]) as linking:
        with pytest.raises(AlreadyCompleted):
            await linking.complete(callback, user_id="alice")


async def test_a_failure_is_known_after_a_restart(tmp_path, provider):
    """What a callback came to is in the file."""
    opened = f"sqlite:///{tmp_path / 'links.db'}"
    async with open_store(opened) as store, LinkingService(store, [provider]) as linking:
        callback = provider.deny(await linking.begin("scripted", "alice", REDIRECT_URI))
        with pytest.raises(ConsentDenied):
            await linking.complete(callback, user_id="alice")
    async with open_store(opened) as store, LinkingService(store, [provider]) as linking:
        for _ in range(2):
            with pytest.raises(AuthorizationFailed):
                await linking.complete(callback, user_id="alice")


async def test_purging(store: Any, provider: Any):
    """Nothing is purged that has not expired."""
    async with LinkingService(store, [provider]) as linking:
        callback = await authorized(linking, provider)
        assert await linking.purge() == 0
        assert (await linking.complete(callback, user_id="alice")).version == 1
