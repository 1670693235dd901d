"""Slack's ``AsyncTokenRotator`` over its own SQLAlchemy store, as Bolt's authorization calls it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import create_async_engine

from compare.orders import Orders, Tokens
from compare.ways.table import Table


class ByRotator(Table):
    def __init__(self, pool: asyncpg.Pool, store: AsyncSQLAlchemyInstallationStore, orders: Orders) -> None:
        super().__init__(pool)
        self._store = store
        self._rotator = AsyncTokenRotator(
            client_id=orders["client_id"],
            client_secret=orders["client_secret"],
            client=AsyncWebClient(base_url=orders["slack_url"]),
        )

    async def connect(self, user: str, tokens: Tokens) -> None:
        await self._store.async_save(
            Installation(
                app_id="A1",
                team_id=user,
                user_id="U1",
                bot_id="B1",
                bot_user_id="UB1",
                bot_scopes="chat:write",
                bot_token=tokens["access_token"],
                bot_refresh_token=tokens["refresh_token"],
                bot_token_expires_at=int(time.time() + tokens["left"]),
            )
        )

    async def bot(self, user: str) -> Bot:
        found = await self._store.async_find_bot(enterprise_id=None, team_id=user)
        assert found is not None
        return found

    async def token(self, user: str) -> str:
        bot = await self.bot(user)
        rotated = await self._rotator.perform_bot_token_rotation(bot=bot)
        if rotated is not None:
            await self._store.async_save_bot(rotated)
            bot = rotated
        return bot.bot_token

    async def stored(self, user: str) -> str | None:
        return (await self.bot(user)).bot_refresh_token


@asynccontextmanager
async def opened(orders: Orders) -> AsyncGenerator[ByRotator, None]:
    address = orders["dsn"].replace("postgresql://", "postgresql+asyncpg://").partition("?")[0]
    engine = create_async_engine(address, pool_size=10, max_overflow=20)
    store = AsyncSQLAlchemyInstallationStore(client_id=orders["client_id"], engine=engine)
    async with asyncpg.create_pool(orders["dsn"], min_size=1) as pool:
        await ByRotator.prepare(pool)
        await store.create_tables()
        yield ByRotator(pool, store, orders)
    await engine.dispose()
