"""A TCP proxy between the replicas and the authorization server that cuts connections, and says which.

One connection carries one exchange, as extauth's own transport uses them.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import final
from urllib.parse import parse_qs

import attrs

from chaos.digests import digest
from chaos.plan import Plan
from chaos.wire import EXCHANGE

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@final
class Fate(StrEnum):
    """What became of one exchange on its way."""

    PASSED = "passed whole"
    CUT_BEFORE = "cut before the request was forwarded"
    CUT_AFTER = "cut after the request was forwarded, before its reply"
    CUT_WITHIN = "cut in the middle of the reply"
    CLIENT_LEFT = "the client left before its reply"
    SERVER_FAILED = "the server gave no complete reply"

    @property
    def planned(self) -> bool:
        """Whether the proxy did it."""
        return self in {Fate.CUT_BEFORE, Fate.CUT_AFTER, Fate.CUT_WITHIN}

    @property
    def reply_lost(self) -> bool:
        """Whether the server may have had the request, and the client certainly has no whole reply."""
        return self in {Fate.CUT_AFTER, Fate.CUT_WITHIN, Fate.CLIENT_LEFT, Fate.SERVER_FAILED}


@final
@attrs.define
class Passage:
    """One exchange, as the proxy saw it."""

    exchange: str
    """As its presenter names it."""
    token: str
    """Digest of the refresh token presented."""
    at: float
    fate: Fate | None = None
    """None while it is under way."""


@final
class Proxy:
    """Listens on loopback and passes on to ``server_port``."""

    def __init__(self, plan: Plan, server_port: int) -> None:
        self._rng = plan.rng("proxy")
        self._cuts = plan.cuts
        self._slowest = plan.slowest.total_seconds()
        self._server_port = server_port
        self._tasks: set[asyncio.Task[None]] = set()
        self.passages: list[Passage] = []
        self.port = 0

    async def calm(self) -> None:
        """Cut and delay no more, and wait until the server has answered what was under way."""
        self._cuts = 0.0
        self._slowest = 0.0
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one exchange."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Only close() cancels.
            with suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                await self._carry(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Drop what is under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await _message(reader)
        form = parse_qs(body.decode())
        passage = Passage(form[EXCHANGE][0], digest(form["refresh_token"][0]), time.monotonic())
        self.passages.append(passage)
        planned, pause = self._plan(), self._rng.uniform(0, self._slowest)
        if planned is Fate.CUT_BEFORE:
            passage.fate = planned
            return
        try:
            async with self._forwarded(head + body) as server:
                if planned is Fate.CUT_AFTER:
                    passage.fate = planned
                    writer.transport.abort()
                reply = b"".join(await _message(server))
        except (asyncio.IncompleteReadError, OSError):
            passage.fate = passage.fate or Fate.SERVER_FAILED
            return
        if planned is Fate.CUT_AFTER:
            return
        await asyncio.sleep(pause)
        if reader.at_eof() or reader.exception() is not None:
            passage.fate = Fate.CLIENT_LEFT
            return
        if planned is Fate.CUT_WITHIN:
            reply = reply[: self._rng.randrange(1, len(reply))]
        try:
            writer.write(reply)
            await writer.drain()
        except OSError:
            passage.fate = Fate.CLIENT_LEFT
            return
        passage.fate = planned or Fate.PASSED
        if planned is None:
            writer.close()
            await writer.wait_closed()

    @asynccontextmanager
    async def _forwarded(self, request: bytes) -> AsyncGenerator[asyncio.StreamReader, None]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            writer.write(request)
            await writer.drain()
            yield reader
        finally:
            writer.close()

    def _plan(self) -> Fate | None:
        if self._rng.random() >= self._cuts:
            return None
        return self._rng.choice([Fate.CUT_BEFORE, Fate.CUT_AFTER, Fate.CUT_WITHIN])


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)


@asynccontextmanager
async def proxy(plan: Plan, server_port: int) -> AsyncGenerator[Proxy, None]:
    """Run one."""
    running = Proxy(plan, server_port)
    listener = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = listener.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        listener.close()
        await running.close()
        await listener.wait_closed()
