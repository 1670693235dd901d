"""A pooler in transaction mode at its strictest: all clients share a few server connections, and each
transaction of a client runs on another one than that before it, so that whatever outlives a transaction is
missed at once, or met by somebody else."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_CANCEL_REQUEST = 80877102


@attrs.define(eq=False)
class _Server:
    """A connection to the real server, logged in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes
    """What the server said from the login to the first ReadyForQuery, but for its key."""
    key: bytes
    """What cancels its query: a process id and a secret."""


@attrs.define(eq=False)
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    startup: bytes
    greeted_by: _Server
    last: _Server
    """Whose turn it was before."""
    begun: int = 0


@attrs.define(eq=False)
class TransactionPooler:
    """Speaks as much of the protocol (version 3) as it takes to see where a transaction ends.

    A client is given the process id of a real server connection, as some poolers do.
    """

    host: str
    port: int
    size: int
    """How many server connections there may be, for all clients, who must log in alike."""
    settled: int
    """How many transactions a client has at first on the server connection whose process id it was given."""
    statements_only: bool
    """Hang up on who begins a transaction, as PgBouncer does in statement mode."""
    transactions: int = 0
    """How many have begun, over all clients."""
    _open: int = 0
    _idle: list[_Server] = attrs.field(factory=list)
    """The one that has been idle for longest comes first."""
    _changed: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    _working: dict[bytes, _Server] = attrs.field(factory=dict)
    """By the key that the client was given: the server connection that works for it now."""
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it goes."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            startup = await _startup(reader, writer)
            if startup[4:8] == struct.pack("!i", _CANCEL_REQUEST):
                await self._cancel(startup)
                return
            server = await self._take(startup)
            await self._put(server)
            await self._transactions(_Client(reader, writer, startup, server, server))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # only close() cancels
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _transactions(self, client: _Client) -> None:
        key = client.greeted_by.key[:4] + secrets.token_bytes(4)
        client.writer.write(client.greeted_by.greeting + b"K" + struct.pack("!i", 12) + key + _READY)
        while (first := await _message(client.reader))[:1] != b"X":
            self.transactions += 1
            client.begun += 1
            client.last = server = await self._take_for(client)
            self._working[key] = server
            idle = False
            try:
                server.writer.write(first)
                await _until_idle(client, server, statements_only=self.statements_only)
                idle = True
            finally:
                del self._working[key]
                await (self._put(server) if idle else self._drop(server))

    async def _take_for(self, client: _Client) -> _Server:
        if client.begun > self.settled:
            return await self._take(client.startup, but=client.last)
        async with self._changed:
            await self._changed.wait_for(lambda: client.greeted_by in self._idle)
            self._idle.remove(client.greeted_by)
            return client.greeted_by

    async def _take(self, startup: bytes, *, but: _Server | None = None) -> _Server:
        def others() -> list[_Server]:
            return [server for server in self._idle if server is not but]

        async with self._changed:
            await self._changed.wait_for(lambda: others() or self._open < self.size)
            # All of them, before one has its turn again: with two, each other transaction is on the same one.
            if self._open == self.size:
                server = others()[0]
                self._idle.remove(server)
                return server
            self._open += 1
        return await self._login(startup)

    async def _put(self, server: _Server) -> None:
        async with self._changed:
            self._idle.append(server)
            self._changed.notify_all()

    async def _drop(self, server: _Server) -> None:
        server.writer.close()
        async with self._changed:
            self._open -= 1
            self._changed.notify_all()

    async def _cancel(self, request: bytes) -> None:
        server = self._working.get(request[8:])
        if server is not None:
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(request[:8] + server.key)
            await reader.read()  # it hangs up when the signal is sent
            writer.close()

    async def _login(self, startup: bytes) -> _Server:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(startup)
        greeting, key = b"", b""
        while (message := await _message(reader))[:1] != b"Z":
            if message[:1] == b"K":
                key = message[5:]
            else:
                greeting += message
        return _Server(reader, writer, greeting, key)

    async def close(self) -> None:
        """Cut off who is still there."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for server in self._idle:
            server.writer.close()


_READY = b"Z" + struct.pack("!i", 5) + b"I"


async def _until_idle(client: _Client, server: _Server, *, statements_only: bool) -> None:
    """Carry messages both ways until the server is in no transaction any more, or somebody has gone."""
    up = asyncio.create_task(_copy(client.reader, server.writer))
    down = asyncio.create_task(_answers(server.reader, client.writer, statements_only=statements_only))
    try:
        done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        up.cancel()
        down.cancel()
        await asyncio.wait({up, down})
    for task in done:
        await task


async def _answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, statements_only: bool
) -> None:
    while True:
        message = await _message(reader)
        if statements_only and message[:1] == b"Z" and message != _READY:
            raise ConnectionAbortedError
        writer.write(message)
        if message == _READY:
            return


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
async def transaction_pooler(
    dsn: str, *, size: int = 3, settled: int = 0, statements_only: bool = False
) -> AsyncGenerator[tuple[TransactionPooler, str], None]:
    """Run one in front of the server, and yield it with the DSN to reach the database through it."""
    parts = urlsplit(dsn)
    pooler = TransactionPooler(
        parts.hostname or "127.0.0.1", parts.port or 5432, size, settled, statements_only
    )
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
