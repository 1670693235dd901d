"""One replica of the demo: a process of its own, ordered about by JSON lines on its standard input.

Run as ``python -m extauth.cli.demo.replica``. It ends when its standard input does, so that none outlives a
demo that was killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import final

import aiohttp

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.cli.demo.callers import MEMORY, Ask, Callers
from extauth.cli.demo.messages import (
    Attempt,
    Exchange,
    Finished,
    Go,
    Message,
    Orders,
    Ready,
    Recall,
    Recalled,
    Stop,
    decode,
    encode,
)
from extauth.cli.demo.naive import NaiveLoop, NaiveTable
from extauth.cli.demo.naive_tables import open_table
from extauth.domain.events import Event, ExchangeStarted, LinkRefreshed
from extauth.domain.link import LinkKey
from extauth.opening import open_store
from extauth.services.refresh.service import TokenService

PROVIDER = "demo"
"""The provider id of the demo's links."""

REPORT_EVERY = 0.25
"""Seconds between two reports of the counters."""


@final
class Diary:
    """Notes what this replica does with refresh tokens: as extauth's observer, or as the naive loop tells."""

    def __init__(self, replica: int) -> None:
        self._replica = replica
        self._started: dict[LinkKey, float] = {}
        self.exchanges: list[Exchange] = []
        self.attempts: deque[Attempt] = deque(maxlen=MEMORY)

    def notify(self, event: Event) -> None:
        """Take note of exchanges; everything else is of no interest here."""
        now = time.monotonic()
        match event:
            case ExchangeStarted(key=key):
                self._started[key] = now
            case LinkRefreshed(key=key) if key in self._started:
                self.exchanges.append(Exchange(key.user_id, self._replica, self._started.pop(key), now))
            case _:
                pass


@asynccontextmanager
async def extauth_way(orders: Orders, diary: Diary | None = None) -> AsyncGenerator[Ask, None]:
    """Serve tokens as an application with extauth does: the defaults, and nothing else."""
    provider = OAuth2Provider(
        PROVIDER,
        client_id=orders.client_id,
        client_secret=orders.client_secret,
        token_url=orders.token_url,
    )
    async with (
        open_store(orders.store, keys="plain") as store,
        TokenService(store, [provider], observer=diary) as tokens,
    ):
        yield lambda user: tokens.access_token(PROVIDER, user)


@asynccontextmanager
async def naive_way(
    orders: Orders, session: aiohttp.ClientSession, diary: Diary
) -> AsyncGenerator[Ask, None]:
    """Serve tokens with the naive loop."""
    async with open_table(orders.store, orders.naive_table) as table:
        yield naive_loop(orders, table, session, diary).access_token


def naive_loop(
    orders: Orders, table: NaiveTable, session: aiohttp.ClientSession, diary: Diary | None = None
) -> NaiveLoop:
    """Return the naive loop for these orders."""
    return NaiveLoop(
        table,
        session,
        token_url=orders.token_url,
        client_id=orders.client_id,
        client_secret=orders.client_secret,
        margin=orders.margin,
        replica=orders.replica,
        note=None if diary is None else diary.attempts.append,
    )


async def work(inbox: asyncio.StreamReader, say: Callable[[Message], None]) -> None:
    """Follow the orders on ``inbox`` to their end, or until it ends, and ``say`` what is asked for."""
    orders = await _next(inbox)
    if not isinstance(orders, Orders):
        return
    diary = Diary(orders.replica)
    async with aiohttp.ClientSession() as session:
        ours = orders.way == "extauth"
        opened = extauth_way(orders, diary) if ours else naive_way(orders, session, diary)
        async with opened as ask:
            callers = Callers(orders, ask, session)
            say(Ready())
            if not isinstance(await _next(inbox), Go):
                return
            if not await _storm(callers, inbox, say):
                return
    say(Finished(callers.tally, diary.exchanges, diary.attempts))
    while isinstance(wanted := await _next(inbox), Recall):
        say(Recalled(callers.recall(wanted)))


async def _storm(callers: Callers, inbox: asyncio.StreamReader, say: Callable[[Message], None]) -> bool:
    """Let the callers run until told to stop; False if nobody is there any more to tell."""
    storm = asyncio.create_task(callers.run())
    told = asyncio.create_task(_next(inbox))
    try:
        while not told.done() and not storm.done():
            await asyncio.wait({told, storm}, timeout=REPORT_EVERY, return_when=asyncio.FIRST_COMPLETED)
            say(callers.tally)
        if storm.done() or (told.done() and isinstance(told.result(), Stop)):
            callers.stop()
            await storm
            return True
        return False
    finally:
        for task in (storm, told):
            task.cancel()
        await asyncio.wait({storm, told})


async def _next(inbox: asyncio.StreamReader) -> Message | None:
    line = await inbox.readline()
    return decode(line) if line else None


def _say(message: Message) -> None:
    sys.stdout.buffer.write(encode(message))
    sys.stdout.buffer.flush()


async def _main() -> None:
    # A line of orders is short, but a stream's default limit is none of the demo's business.
    inbox = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    await work(inbox, _say)


if __name__ == "__main__":
    # Ctrl-C goes to every process of the terminal; the demo itself decides what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_main())
    except BrokenPipeError:
        # The demo is gone. Leave nothing for the interpreter to flush into the broken pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
