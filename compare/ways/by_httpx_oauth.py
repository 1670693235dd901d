"""httpx-oauth: ``refresh_token`` makes the request; where and when is the application's."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from httpx_oauth.oauth2 import BaseOAuth2

from compare.orders import MARGIN, Orders, Reconnect
from compare.ways.table import WRITE, Table


class ByHttpxOAuth(Table):
    def __init__(self, pool: asyncpg.Pool, orders: Orders) -> None:
        super().__init__(pool)
        url = orders["token_url"]
        self._client = BaseOAuth2(
            orders["client_id"],
            orders["client_secret"],
            url,
            url,
            url,
            token_endpoint_auth_method="client_secret_post",
        )

    async def token(self, user: str) -> str:
        row = await self.read(user)
        if row["expires_at"] - MARGIN > time.time():
            return row["access_token"]
        if row["refresh_token"] is None:
            raise Reconnect
        new = await self._client.refresh_token(row["refresh_token"])
        await self.pool.execute(
            WRITE, user, new["access_token"], new["refresh_token"], float(new["expires_at"])
        )
        return new["access_token"]


@asynccontextmanager
async def opened(orders: Orders) -> AsyncGenerator[ByHttpxOAuth, None]:
    async with asyncpg.create_pool(orders["dsn"], min_size=1) as pool:
        await ByHttpxOAuth.prepare(pool)
        yield ByHttpxOAuth(pool, orders)
