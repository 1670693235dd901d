"""How long a connection is used, and how long closing it takes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import asyncpg
import pytest

from extauth.adapters.postgres import unique_names
from extauth.adapters.postgres.unique_names import (
    UniqueNamesConnection,
    in_use_until,
    is_aged,
    is_over,
)

GOODBYE = b"X\0\0\0\4"


def test_a_connection_says_until_when_it_is_used():
    """One that extauth has made."""
    assert in_use_until(SimpleNamespace(extauth_until=12.5)) == 12.5


def test_one_of_the_applications_own_is_used_for_ever():
    """It says nothing of that."""
    assert in_use_until(SimpleNamespace()) == math.inf
    assert not is_aged(SimpleNamespace())


def test_it_is_aged_from_that_moment_on(monkeypatch):
    """Not only after it."""
    monkeypatch.setattr(unique_names, "time", SimpleNamespace(monotonic=lambda: 100.0))
    ages = [is_aged(SimpleNamespace(extauth_until=until)) for until in (99.9, 100.0, 100.1)]
    assert ages == [True, True, False]
    assert [is_over(until) for until in (99.9, 100.0, 100.1)] == ages


@asynccontextmanager
async def deaf_to_goodbyes(dsn: str) -> AsyncGenerator[str]:
    """A server in front of the server, which leaves a client that says goodbye waiting."""
    parts = urlsplit(dsn)
    over = asyncio.Event()
    all_gone = asyncio.TaskGroup()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (sent := await reader.read(65536)) and not sent.endswith(GOODBYE):
            writer.write(sent)
        await over.wait()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        all_gone.create_task(forward(reader, server_writer))
        all_gone.create_task(forward(server_reader, writer))

    async with all_gone:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        at = listener.sockets[0].getsockname()[1]
        try:
            yield dsn.replace(f":{parts.port}/", f":{at}/", 1)
        finally:
            over.set()
            listener.close()


async def test_a_server_that_does_not_hang_up_is_not_waited_for(postgres_dsn, monkeypatch):
    """Unless the caller says how long: it is told then."""
    monkeypatch.setattr(unique_names, "GOODBYE", 0.05)
    async with deaf_to_goodbyes(postgres_dsn) as dsn:
        ours = [await asyncpg.connect(dsn, connection_class=UniqueNamesConnection) for _ in range(2)]
        await ours[0].close()
        with pytest.raises(TimeoutError):
            await ours[1].close(timeout=0.05)
        assert all(each.is_closed() for each in ours)
