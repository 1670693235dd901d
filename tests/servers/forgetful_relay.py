"""A firewall that forgets connections: nobody is told, until the next byte is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs


@attrs.define(eq=False)
class ForgetfulRelay:
    """Passes bytes on between clients and the server."""

    host: str
    port: int
    """Where whoever comes from now on is led to."""
    at: int = 0
    """Its own port."""
    received: list[int] = attrs.field(factory=list)
    """How many bytes each client has sent, in the order in which they came."""
    _remembered: set[asyncio.StreamWriter] = attrs.field(factory=set)
    """The clients whose bytes are passed on."""
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set)

    @property
    def served(self) -> int:
        """How many clients there have been."""
        return len(self.received)

    def forget(self) -> None:
        """Refuse whatever the present clients send from now on."""
        self._remembered.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it goes."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._remembered.add(writer)
        number = len(self.received)
        self.received.append(0)
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        downwards = asyncio.create_task(self._downwards(server_reader, writer))
        try:
            while (sent := await reader.read(65536)) and writer in self._remembered:
                self.received[number] += len(sent)
                server_writer.write(sent)
        except (ConnectionError, asyncio.CancelledError):
            pass  # only close() cancels
        finally:
            downwards.cancel()
            await asyncio.wait({downwards})
            self._tasks.discard(task)
            self._remembered.discard(writer)
            server_writer.close()
            writer.transport.abort()

    async def _downwards(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(65536):
            writer.write(received)
        writer.close()

    async def close(self) -> None:
        """Cut off who is still there."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def forgetful_relay(dsn: str) -> AsyncGenerator[tuple[ForgetfulRelay, str], None]:
    """Run one in front of the server, and yield it with the DSN to reach the database through it."""
    parts = urlsplit(dsn)
    relay = ForgetfulRelay(parts.hostname or "127.0.0.1", parts.port or 5432)
    listener = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.at = port = listener.sockets[0].getsockname()[1]
    user = parts.netloc.rpartition("@")[0]
    try:
        yield relay, parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
    finally:
        listener.close()
        await relay.close()
        await listener.wait_closed()
