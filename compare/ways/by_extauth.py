"""extauth, with its defaults."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg

import extauth
from compare.orders import Orders, Tokens
from compare.ways.table import CREATE, READ
from extauth import Auth, LinkKey, ProviderTraits, TokenSet
from extauth.adapters.oauth2 import OAuth2Provider

PROVIDER = "example"


class ByExtauth:
    def __init__(self, auth: Auth, provider: OAuth2Provider, pool: asyncpg.Pool) -> None:
        self._auth = auth
        self._provider = provider
        self._pool = pool

    async def connect(self, user: str, tokens: Tokens) -> None:
        expires_at = datetime.now(UTC) + timedelta(seconds=tokens["left"])
        stored = TokenSet(
            tokens["access_token"],
            tokens["refresh_token"],
            expires_at=expires_at,
            issued_at=expires_at - timedelta(seconds=tokens["lifetime"]),
        )
        await self._auth.store.put(LinkKey(PROVIDER, user), stored, origin=self._provider.origin)
        await self._pool.execute("INSERT INTO tokens VALUES ($1, '', '', 0) ON CONFLICT DO NOTHING", user)

    async def token(self, user: str) -> str:
        return await self._auth.access_token(PROVIDER, user)

    async def stored(self, user: str) -> str | None:
        link = await self._auth.store.get(LinkKey(PROVIDER, user))
        return None if link is None else link.tokens.refresh_token

    async def bare(self, user: str) -> None:
        await self._pool.fetchrow(READ, user)


@asynccontextmanager
async def opened(orders: Orders) -> AsyncGenerator[ByExtauth, None]:
    window = orders["replay_window"]
    provider = OAuth2Provider(
        PROVIDER,
        client_id=orders["client_id"],
        client_secret=orders["client_secret"],
        token_url=orders["token_url"],
        traits=ProviderTraits(replay_window=None if window is None else timedelta(seconds=window)),
    )
    async with (
        asyncpg.create_pool(orders["dsn"], min_size=1) as pool,
        extauth.open(orders["dsn"], [provider], keys="plain") as auth,
    ):
        await pool.execute(CREATE)  # what it is read beside
        yield ByExtauth(auth, provider, pool)
