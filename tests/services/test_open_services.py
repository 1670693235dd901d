"""Services that an application forgets are closed with their store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from extauth import LinkKey, TokenService, TokenSet, UpkeepService, open_store
from extauth.testing import ScriptedProvider

NAMES = ["one", "two", "three"]


async def test_each_is_closed_though_closing_is_cancelled(tmp_path):
    """A cancellation while the first is closed keeps no other from saving what is under way."""
    url = f"sqlite:///{tmp_path}/links.db"
    opening = open_store(url)
    store = await opening.__aenter__()
    providers = [ScriptedProvider(name) for name in NAMES]
    services = [TokenService(store, [provider]) for provider in providers]
    for provider, service in zip(providers, services, strict=True):
        granted = provider.grant()
        expired = TokenSet("at-old", granted.refresh_token, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        await store.put(LinkKey(provider.provider_id, "alice"), expired)
        provider.reply_gate = asyncio.Event()
        asyncio.create_task(service.access_token(provider.provider_id, "alice"))  # noqa: RUF006
        await provider.exchanging.wait()
    leaving = asyncio.create_task(opening.__aexit__(None, None, None))
    await asyncio.sleep(0)
    leaving.cancel()
    while not leaving.done():
        for provider, service in zip(providers, services, strict=True):
            if service._serving._closed:  # its turn has come
                provider.reply_gate.set()
        await asyncio.sleep(0)
    for provider in providers:
        provider.reply_gate.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    async with open_store(url) as again:
        saved = [link.tokens.access_token != "at-old" for link in await again.links_of("alice")]
    assert saved == [True, True, True]


async def test_upkeep_is_closed_with_its_own_store_alone():
    """That of another store goes on."""
    providers = [ScriptedProvider("one")]
    async with open_store("memory://", keys="plain") as other:
        async with open_store("memory://", keys="plain") as store:
            upkeep, others = (
                UpkeepService(each, providers, TokenService(each, providers)) for each in (store, other)
            )
        with pytest.raises(RuntimeError, match="this UpkeepService is closed"):
            await upkeep.run_once()
        await others.run_once()
