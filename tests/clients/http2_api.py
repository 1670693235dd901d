"""An API over HTTP/2 and TLS that takes live tokens, made with the package that httpx speaks it with."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import h2.config
import h2.connection
import h2.events

from extauth.testing import AuthorizationServer
from tests.support.tls import tls_contexts


@attrs.define(eq=False)
class Http2Api:
    """One that runs."""

    url: str
    trusted: ssl.SSLContext
    connections: int = 0


@asynccontextmanager
async def serving_http2(server: AuthorizationServer, folder: Path) -> AsyncIterator[Http2Api]:
    """Serve one on loopback while it is entered."""
    serving, trusted = tls_contexts(folder)
    serving.set_alpn_protocols(["h2"])
    api = Http2Api("", trusted)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        api.connections += 1
        settings = h2.config.H2Configuration(client_side=False, header_encoding=None)
        connection = h2.connection.H2Connection(settings)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        shown: dict[int, str] = {}
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                match event:
                    case h2.events.RequestReceived(stream_id=stream, headers=headers):
                        shown[stream] = dict(headers)[b"authorization"].decode().removeprefix("Bearer ")
                    case h2.events.StreamEnded(stream_id=stream):
                        live = shown[stream] in server.grants.live_access_tokens(time.monotonic())
                        connection.send_headers(stream, [(":status", "200" if live else "401")])
                        connection.send_data(stream, b"{}", end_stream=True)
                    case _:
                        pass
            writer.write(connection.data_to_send())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
    async with listening:
        api.url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
        yield api
