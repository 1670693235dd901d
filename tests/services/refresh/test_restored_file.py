"""A backup that is put into the SQLite file under running replicas."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import timedelta

from extauth import LinkKey, RefreshPolicy, TokenService, open_store
from extauth.domain.events import StoreWentBack
from extauth.testing.scripted.provider import ScriptedProvider

LINKS = 8


async def test_what_replicas_know_is_put_back(tmp_path):
    """Nobody is asked for anything: each looks at what was written last, and at who has mended that."""
    live, backup = tmp_path / "links.db", tmp_path / "backup.db"
    provider = ScriptedProvider("scripted")
    keys = [LinkKey("scripted", f"user-{number}") for number in range(LINKS)]
    policy = RefreshPolicy(hold_after_failover=timedelta(seconds=3))
    told: list[StoreWentBack] = []

    class Told:
        def notify(self, event) -> None:
            if isinstance(event, StoreWentBack):
                told.append(event)

    def copy(source, target) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)

    async with AsyncExitStack() as stack:

        async def replica() -> TokenService:
            store = await stack.enter_async_context(open_store(f"sqlite:///{live}", keys="plain"))
            tokens = TokenService(store, [provider], policy=policy, observer=Told())
            await stack.enter_async_context(tokens)
            return tokens

        replicas = [await replica() for _ in range(3)]
        async with open_store(f"sqlite:///{live}", keys="plain") as store:
            for key in keys:
                await store.put(key, provider.grant())
        await asyncio.to_thread(copy, live, backup)
        for number, key in enumerate(keys):
            for time in range(1 + number % 3):
                await replicas[(number + time) % 3].refresh(key.provider_id, key.user_id)
        for each in replicas:
            await each.link(keys[-1].provider_id, keys[-1].user_id)
        await asyncio.to_thread(copy, backup, live)
        while len(told) < len(replicas):
            await asyncio.sleep(0.02)
        work = (replicas[number % 3].refresh(key.provider_id, key.user_id) for number, key in enumerate(keys))
        links = await asyncio.gather(*work)
    assert provider.families_revoked == 0
    assert all(provider.is_live(link.tokens) for link in links)
