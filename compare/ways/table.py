"""The table of an application, by asyncpg."""

from __future__ import annotations

import time
from typing import Any

import asyncpg

from compare.orders import Tokens

CREATE = (
    "CREATE TABLE IF NOT EXISTS tokens (user_id text PRIMARY KEY, access_token text NOT NULL,"
    " refresh_token text, expires_at double precision NOT NULL)"
)
READ = "SELECT access_token, refresh_token, expires_at FROM tokens WHERE user_id = $1"
WRITE = "UPDATE tokens SET access_token = $2, refresh_token = $3, expires_at = $4 WHERE user_id = $1"
PUT = (
    "INSERT INTO tokens (user_id, access_token, refresh_token, expires_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (user_id) DO UPDATE SET access_token = $2, refresh_token = $3, expires_at = $4"
)


class Table:
    """What every way on this table shares: what a user's new authorization writes, and what is stored."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @classmethod
    async def prepare(cls, pool: asyncpg.Pool) -> None:
        await pool.execute(CREATE)

    async def connect(self, user: str, tokens: Tokens) -> None:
        expires_at = time.time() + tokens["left"]
        await self.pool.execute(PUT, user, tokens["access_token"], tokens["refresh_token"], expires_at)

    async def stored(self, user: str) -> str | None:
        found: str | None = await self.pool.fetchval(
            "SELECT refresh_token FROM tokens WHERE user_id = $1", user
        )
        return found

    async def bare(self, user: str) -> None:
        await self.pool.fetchrow(READ, user)

    async def read(self, user: str) -> Any:
        return await self.pool.fetchrow(READ, user)
