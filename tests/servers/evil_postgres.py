"""What stands between an application and its Postgres server, and wants the password."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

_TLS_REQUEST = 80877103
_CLEARTEXT_PLEASE = b"R" + struct.pack("!ii", 8, 3)


@final
class EvilPostgres:
    """Speaks as much of the protocol as it takes: TLS, if it has a certificate, and asking for a password."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self.port = 0
        self.passwords: list[str] = []
        """What it was told."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client until it has told its password, or goes."""
        try:
            await self._speak(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # it would not
        finally:
            writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size, code = struct.unpack("!ii", await reader.readexactly(8))
        if code == _TLS_REQUEST:
            writer.write(b"N" if self._tls is None else b"S")
            await writer.drain()
            if self._tls is not None:
                await writer.start_tls(self._tls)
            size, code = struct.unpack("!ii", await reader.readexactly(8))
        await reader.readexactly(size - 8)  # who connects, and to what
        writer.write(_CLEARTEXT_PLEASE)
        _, size = struct.unpack("!ci", await reader.readexactly(5))
        self.passwords.append((await reader.readexactly(size - 4))[:-1].decode())


@asynccontextmanager
async def evil_postgres(tls: ssl.SSLContext | None, port: int = 0) -> AsyncGenerator[EvilPostgres]:
    """Run one on loopback, on that port or a free one."""
    evil = EvilPostgres(tls)
    server = await asyncio.start_server(evil.serve, "127.0.0.1", port)
    async with server:
        evil.port = server.sockets[0].getsockname()[1]
        yield evil
