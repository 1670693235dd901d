"""The demo's own hand on the links: connecting users, looking at what is stored, tidying up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Protocol, final

import aiohttp

from extauth.cli.demo.messages import Orders
from extauth.cli.demo.naive import NaiveTable, Row
from extauth.cli.demo.naive_tables import open_table
from extauth.cli.demo.replica import PROVIDER, extauth_way, naive_loop
from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import TokenSet
from extauth.opening import open_store


class Book(Protocol):
    """Where one of the two ways keeps its links."""

    async def connect(self, user: str, tokens: TokenSet) -> None:
        """Store a new authorization of the user."""
        ...

    async def refresh_token(self, user: str) -> str | None:
        """Return the stored refresh token; None once the user is told to connect again."""
        ...

    async def access_token(self, user: str) -> str:
        """Ask for an access token as any caller does."""
        ...


@asynccontextmanager
async def open_book(orders: Orders, session: aiohttp.ClientSession) -> AsyncGenerator[Book, None]:
    """Open the links that these orders are about, and remove them at the end."""
    if orders.way == "extauth":
        async with open_store(orders.store, keys="plain") as store:
            try:
                yield _ExtauthBook(store, orders)
            finally:
                await _forget(store, orders.users)
    else:
        async with open_table(orders.store, orders.naive_table) as table:
            await table.create()
            try:
                yield _NaiveBook(table, orders, session)
            finally:
                await table.drop()


async def _forget(store: LinkStore, users: Iterable[str]) -> None:
    for user in users:
        await store.delete(LinkKey(PROVIDER, user))


@final
class _ExtauthBook:
    def __init__(self, store: LinkStore, orders: Orders) -> None:
        self._store = store
        self._orders = orders

    async def connect(self, user: str, tokens: TokenSet) -> None:
        await self._store.put(LinkKey(PROVIDER, user), tokens)

    async def refresh_token(self, user: str) -> str | None:
        link = await self._store.get(LinkKey(PROVIDER, user))
        if link is None:
            return None
        failure = link.current_failure
        if failure is not None and failure.permanent:
            return None
        return link.tokens.refresh_token

    async def access_token(self, user: str) -> str:
        async with extauth_way(self._orders) as ask:
            return await ask(user)


@final
class _NaiveBook:
    def __init__(self, table: NaiveTable, orders: Orders, session: aiohttp.ClientSession) -> None:
        self._table = table
        self._loop = naive_loop(orders, table, session)

    async def connect(self, user: str, tokens: TokenSet) -> None:
        await self._table.write(user, Row.from_tokens(tokens))

    async def refresh_token(self, user: str) -> str | None:
        return (await self._table.read(user)).refresh_token or None

    async def access_token(self, user: str) -> str:
        return await self._loop.access_token(user)
