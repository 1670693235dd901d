"""A raw HTTP/1.1 server on loopback whose every byte the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import TypeAlias
from urllib.parse import parse_qsl

import attrs
import pytest


@attrs.frozen
class Request:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


Answer: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request with a content length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line, headers, body.decode())


def http_answer(status: int, body: bytes, **headers: str) -> bytes:
    """Return a complete HTTP/1.1 answer."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


class RawServer:
    """Answers each connection's requests as told, and notes what came."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.received = asyncio.Event()
        """Set when a complete request is here."""
        self.answers: list[bytes] = []
        """Complete answers for the next requests, in order; the last one repeats."""
        self.conversation: Answer | None = None
        """Takes the place of reading a request and answering it."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.answers.append(http_answer(status, body, **headers))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.conversation is not None:
                await self.conversation(reader, writer)
                return
            while True:
                self.requests.append(await read_request(reader))
                self.received.set()
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running_server(ssl: SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Run a server on a free port of 127.0.0.1; on the way out no connection is left."""
    served = RawServer()
    conversations: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        task.add_done_callback(conversations.discard)
        await served.serve(reader, writer)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)
    served.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield served
        for task in list(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A raw server on loopback."""
    async with running_server() as served:
        yield served
