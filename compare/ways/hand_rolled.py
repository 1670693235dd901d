"""Four ways that applications write by themselves, from the careless to the careful."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg

from compare.orders import MARGIN, Orders, Reconnect, Tokens
from compare.ways.table import PUT, READ, WRITE, Table


class Naive(Table):
    """Read, refresh, write."""

    def __init__(self, pool: asyncpg.Pool, http: aiohttp.ClientSession, orders: Orders) -> None:
        super().__init__(pool)
        self._http = http
        self._orders = orders

    async def token(self, user: str) -> str:
        row = await self.read(user)
        if row["expires_at"] - MARGIN > time.time():
            return row["access_token"]
        if row["refresh_token"] is None:
            raise Reconnect
        answer = await self.exchange(row["refresh_token"])
        if answer is None:
            await self.pool.execute("UPDATE tokens SET refresh_token = NULL WHERE user_id = $1", user)
            raise Reconnect
        await self.pool.execute(WRITE, user, *columns(answer))
        return answer["access_token"]

    async def exchange(self, refresh_token: str) -> dict[str, Any] | None:
        """Return the answer; None if the refresh token is refused."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self._orders["client_id"],
            "client_secret": self._orders["client_secret"],
        }
        async with self._http.post(self._orders["token_url"], data=form) as response:
            if response.status == 400 and (await response.json()).get("error") == "invalid_grant":
                return None
            response.raise_for_status()
            return await response.json()


class Conditional(Naive):
    """``UPDATE ... WHERE refresh_token = old``, and whoever lost takes what the winner wrote."""

    async def token(self, user: str) -> str:
        row = await self.read(user)
        if row["expires_at"] - MARGIN > time.time():
            return row["access_token"]
        old = row["refresh_token"]
        if old is None:
            raise Reconnect
        answer = await self.exchange(old)
        if answer is None:
            winner = await self.read(user)
            if winner["refresh_token"] not in {None, old}:
                return winner["access_token"]
            await self.pool.execute(
                "UPDATE tokens SET refresh_token = NULL WHERE user_id = $1 AND refresh_token = $2", user, old
            )
            raise Reconnect
        await self.pool.execute(f"{WRITE} AND refresh_token = $5", user, *columns(answer), old)
        return (await self.read(user))["access_token"]


class LockInProcess(Naive):
    """An ``asyncio.Lock`` for each user, and another look at the row once it is held."""

    def __init__(self, pool: asyncpg.Pool, http: aiohttp.ClientSession, orders: Orders) -> None:
        super().__init__(pool, http, orders)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, user: str) -> str:
        row = await self.read(user)
        if row["expires_at"] - MARGIN > time.time():
            return row["access_token"]
        async with self._locks[user]:
            return await super().token(user)


class RowLock(Naive):
    """``SELECT ... FOR UPDATE``, held while the provider is asked; if that fails, what still works."""

    async def connect(self, user: str, tokens: Tokens) -> None:
        expires_at = time.time() + tokens["left"]
        await self.pool.execute(PUT, user, tokens["access_token"], tokens["refresh_token"], expires_at)

    async def token(self, user: str) -> str:
        row = await self.read(user)
        if row["expires_at"] - MARGIN > time.time():
            return row["access_token"]
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(f"{READ} FOR UPDATE", user)
            if row["expires_at"] - MARGIN > time.time():
                return row["access_token"]
            if row["refresh_token"] is not None:
                try:
                    answer = await self.exchange(row["refresh_token"])
                except (aiohttp.ClientError, TimeoutError):
                    if row["expires_at"] > time.time():
                        return row["access_token"]
                    raise
                if answer is not None:
                    await connection.execute(WRITE, user, *columns(answer))
                    return answer["access_token"]
                await connection.execute("UPDATE tokens SET refresh_token = NULL WHERE user_id = $1", user)
        raise Reconnect


def columns(answer: dict[str, Any]) -> tuple[str, str, float]:
    return answer["access_token"], answer["refresh_token"], time.time() + answer["expires_in"]


def _opened(kind: type[Naive]):
    @asynccontextmanager
    async def opened(orders: Orders) -> AsyncGenerator[Naive, None]:
        async with (
            asyncpg.create_pool(orders["dsn"], min_size=1) as pool,
            aiohttp.ClientSession() as http,
        ):
            await kind.prepare(pool)
            yield kind(pool, http, orders)

    return opened


naive, conditional, in_process, row_lock = map(_opened, (Naive, Conditional, LockInProcess, RowLock))
