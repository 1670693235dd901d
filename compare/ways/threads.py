"""Ways that block: each call in a thread of its own, with a connection of psycopg for each thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from compare.orders import Orders, Tokens
from compare.ways.table import CREATE

THREADS = 24
READ = "SELECT access_token, refresh_token, expires_at FROM tokens WHERE user_id = %s"
WRITE = "UPDATE tokens SET access_token = %s, refresh_token = %s, expires_at = %s WHERE user_id = %s"
PUT = (
    "INSERT INTO tokens (access_token, refresh_token, expires_at, user_id) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (user_id) DO UPDATE SET access_token = excluded.access_token,"
    " refresh_token = excluded.refresh_token, expires_at = excluded.expires_at"
)


class Blocking:
    """The same table as the others', by psycopg."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self._here = threading.local()

    def execute(self, statement: str, values: tuple[Any, ...]) -> psycopg.Cursor[Any]:
        if not hasattr(self._here, "connection"):
            self._here.connection = psycopg.connect(self.orders["dsn"], autocommit=True)
        return self._here.connection.execute(statement, values)

    def prepare(self) -> None:
        self.execute(CREATE, ())

    def connect(self, user: str, tokens: Tokens) -> None:
        expires_at = time.time() + tokens["left"]
        self.execute(PUT, (tokens["access_token"], tokens["refresh_token"], expires_at, user))

    def token(self, user: str) -> str:
        raise NotImplementedError

    def stored(self, user: str) -> str | None:
        return self.row(user)[1]

    def bare(self, user: str) -> None:
        self.execute(READ, (user,)).fetchone()

    def row(self, user: str) -> Any:
        return self.execute(READ, (user,)).fetchone()


class Threaded:
    """A blocking way, as the others are called."""

    def __init__(self, way: Blocking, threads: ThreadPoolExecutor) -> None:
        self.blocking = way
        self._threads = threads

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def in_thread(self, work: Callable[..., Any], user: str) -> Any:
        return await self._run(work, self.blocking, user)

    async def connect(self, user: str, tokens: Tokens) -> None:
        await self._run(self.blocking.connect, user, tokens)

    async def token(self, user: str) -> str:
        return await self._run(self.blocking.token, user)

    async def stored(self, user: str) -> str | None:
        return await self._run(self.blocking.stored, user)

    async def bare(self, user: str) -> None:
        await self._run(self.blocking.bare, user)


def threaded(kind: Callable[[Orders], Blocking]):
    @asynccontextmanager
    async def opened(orders: Orders) -> AsyncGenerator[Threaded, None]:
        with ThreadPoolExecutor(THREADS) as threads:
            way = Threaded(kind(orders), threads)
            await asyncio.get_running_loop().run_in_executor(threads, way.blocking.prepare)
            yield way

    return opened
