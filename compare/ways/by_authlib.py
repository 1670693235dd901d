"""Authlib's ``AsyncOAuth2Client``, with an ``update_token`` as its documentation has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from authlib.integrations.httpx_client import AsyncOAuth2Client

from compare.orders import Orders, Reconnect, Tokens
from compare.ways.table import Table


class ClientEachTime(Table):
    """A client for each request of the application, made of the row."""

    def __init__(self, pool: asyncpg.Pool, orders: Orders) -> None:
        super().__init__(pool)
        self._orders = orders

    async def client(self, user: str) -> AsyncOAuth2Client:
        row = await self.read(user)
        if row["refresh_token"] is None:
            raise Reconnect

        async def update_token(token, refresh_token=None, access_token=None):  # noqa: ARG001 - Authlib's
            # As in the documentation: the item is found by the refresh token that was used.
            await self.pool.execute(
                "UPDATE tokens SET access_token = $3, refresh_token = $4, expires_at = $5"
                " WHERE user_id = $1 AND refresh_token = $2",
                user,
                refresh_token,
                token["access_token"],
                token["refresh_token"],
                float(token["expires_at"]),
            )

        return AsyncOAuth2Client(
            self._orders["client_id"],
            self._orders["client_secret"],
            token_endpoint=self._orders["token_url"],
            token={
                "access_token": row["access_token"],
                "refresh_token": row["refresh_token"],
                "expires_at": int(row["expires_at"]),
                "token_type": "Bearer",
            },
            update_token=update_token,
        )

    async def token(self, user: str) -> str:
        async with await self.client(user) as client:
            await client.ensure_active_token(client.token)
            return client.token["access_token"]


class ClientKept(ClientEachTime):
    """One client for each user, kept as long as the process lives."""

    def __init__(self, pool: asyncpg.Pool, orders: Orders) -> None:
        super().__init__(pool, orders)
        self._clients: dict[str, AsyncOAuth2Client] = {}

    async def connect(self, user: str, tokens: Tokens) -> None:
        await super().connect(user, tokens)
        self._clients.pop(user, None)

    async def token(self, user: str) -> str:
        if user not in self._clients:
            made = await self.client(user)
            self._clients.setdefault(user, made)
        client = self._clients[user]
        await client.ensure_active_token(client.token)
        return client.token["access_token"]


def _opened(kind):
    @asynccontextmanager
    async def opened(orders: Orders) -> AsyncGenerator[ClientEachTime, None]:
        async with asyncpg.create_pool(orders["dsn"], min_size=1) as pool:
            await kind.prepare(pool)
            yield kind(pool, orders)

    return opened


each_time, kept = _opened(ClientEachTime), _opened(ClientKept)
