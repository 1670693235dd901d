"""A pooler in transaction mode at its strictest: each transaction of a client runs on another server
connection than the one before, so that whatever outlives a transaction is missed at once."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_CANCEL_REQUEST = 80877102
_SERVERS_PER_CLIENT = 2


@attrs.define(eq=False)
class _Server:
    """A connection to the real server, logged in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes
    """What the server said from the login to the first ReadyForQuery."""
    cancel_key: bytes


@attrs.define(eq=False)
class TransactionPooler:
    """Speaks as much of the protocol (version 3) as it takes to see where a transaction ends."""

    host: str
    port: int
    transactions: int = 0
    """How many have begun, over all clients."""
    _cancels: dict[bytes, _Server] = attrs.field(factory=dict)
    """By the key that the client was given: the server connection that works for it now."""
    _clients: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it goes."""
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        servers: list[_Server] = []
        try:
            startup = await _startup(reader, writer)
            if startup[4:8] == struct.pack("!i", _CANCEL_REQUEST):
                await self._cancel(startup)
                return
            servers += [await self._login(startup) for _ in range(_SERVERS_PER_CLIENT)]
            writer.write(servers[0].greeting)
            await self._transactions(reader, writer, servers)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # only close() cancels
        finally:
            self._clients.discard(task)
            for server in servers:
                self._cancels.pop(server.cancel_key, None)
                server.writer.close()
            writer.close()

    async def _transactions(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, servers: list[_Server]
    ) -> None:
        while True:
            first = await _message(reader)
            self.transactions += 1
            servers.append(servers.pop(0))
            server = servers[0]
            for known in servers:
                self._cancels[known.cancel_key] = server
            server.writer.write(first)
            upwards = asyncio.create_task(_copy(reader, server.writer))
            try:
                while True:
                    message = await _message(server.reader)
                    writer.write(message)
                    if message[:1] == b"Z" and message[5:6] == b"I":
                        break
            finally:
                upwards.cancel()
                await asyncio.wait({upwards})

    async def _cancel(self, request: bytes) -> None:
        server = self._cancels.get(request[8:])
        if server is not None:
            _, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(request[:8] + server.cancel_key)
            await writer.drain()
            writer.close()

    async def _login(self, startup: bytes) -> _Server:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(startup)
        greeting, cancel_key = b"", b""
        while True:
            message = await _message(reader)
            greeting += message
            if message[:1] == b"K":
                cancel_key = message[5:]
            if message[:1] == b"Z":
                return _Server(reader, writer, greeting, cancel_key)

    async def close(self) -> None:
        """Cut off who is still there."""
        for client in self._clients:
            client.cancel()
        if self._clients:
            await asyncio.wait(self._clients)


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!ii", head)
        if code not in {_SSL_REQUEST, _GSS_REQUEST}:
            return head + await reader.readexactly(length - 8)
        writer.write(b"N")


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Whole messages: readexactly takes nothing out when it is cancelled before all of it is there,
    # and a head without its body is not left behind, because a client waits for the answer first.
    while True:
        writer.write(await _message(reader))


@asynccontextmanager
async def transaction_pooler(dsn: str) -> AsyncGenerator[tuple[TransactionPooler, str], None]:
    """Run one in front of the server, and yield it with the DSN to reach the database through it."""
    parts = urlsplit(dsn)
    pooler = TransactionPooler(parts.hostname or "127.0.0.1", parts.port or 5432)
    listener = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    user = parts.netloc.rpartition("@")[0]
    netloc = f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}"
    try:
        yield pooler, parts._replace(netloc=netloc).geturl()
    finally:
        listener.close()
        await pooler.close()
        await listener.wait_closed()
