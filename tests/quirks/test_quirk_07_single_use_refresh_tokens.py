"""Class 7: refresh tokens that work once, so that each must be presented by one alone and then kept."""

from __future__ import annotations

import asyncio

import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.providers import bitbucket_cloud, box, calendly, x
from tests.quirks.support import USER, scene

CALLERS = 10
PRESETS = pytest.mark.parametrize("preset", [bitbucket_cloud, box, calendly, x], ids=lambda preset: preset.id)


@PRESETS
async def test_two_replicas_refresh_once(preset):
    """Many callers of two replicas find an expired token: it is exchanged once, and all get the new one."""
    async with scene() as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        replicas = [await s.tokens(provider), await s.tokens(s.client(preset))]
        presented = [link.tokens.refresh_token]
        for _ in range(3):
            s.expire()
            got = await asyncio.gather(
                *(replica.access_token(preset.id, USER) for replica in replicas for _ in range(CALLERS))
            )
            stored = await s.stored(preset.id)
            assert set(got) == {stored.tokens.access_token}
            assert s.server.accepts(stored.tokens.access_token)
            assert s.live(stored)
            assert s.server.presented == presented
            presented.append(stored.tokens.refresh_token)
        assert s.server.grants.presentations_per_rotation() == [1, 1, 1]
        assert s.server.grants.families_revoked == 0


async def test_nobody_has_the_new_token_before_it_is_stored(monkeypatch):
    """Callers wait for the save: a token that was used and then lost would take the grant with it."""
    async with scene() as s:
        provider = s.client(box)
        await s.connect(provider)
        tokens = await s.tokens(provider)
        saving, may_save = asyncio.Event(), asyncio.Event()
        save = s.store.save

        async def save_when_allowed(*args, **named):
            saving.set()
            await may_save.wait()
            return await save(*args, **named)

        monkeypatch.setattr(s.store, "save", save_when_allowed)
        s.expire()
        callers = [asyncio.create_task(tokens.access_token("box", USER)) for _ in range(CALLERS)]
        await saving.wait()
        await asyncio.wait(callers, timeout=0)
        assert not any(caller.done() for caller in callers)
        may_save.set()
        assert set(await asyncio.gather(*callers)) == {(await s.stored("box")).tokens.access_token}


async def test_replicas_without_a_common_store_lose_the_user():
    """Two copies of a link, each refreshed for itself, end the grant: this server does tell them apart."""
    async with scene() as s:
        provider = s.client(box)
        link = await s.connect(provider)
        copy = MemoryLinkStore(now=s.clock.now)
        await copy.put(link.key, link.tokens, origin=link.origin)
        s.expire()
        first = await (await s.tokens(provider)).access_token("box", USER)
        with pytest.raises(ReauthorizationRequired):
            await (await s.tokens(provider, copy)).access_token("box", USER)
        assert s.server.grants.families_revoked == 1
        assert not s.server.accepts(first)
