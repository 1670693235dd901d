"""A token is not presented where its answer would not be waited for, and an answer that came is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, TraceConfig

from extauth.adapters.oauth2 import HttpTimeouts
from extauth.adapters.oauth2.http import transport
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.deadline import Deadline
from extauth.domain.outcomes import NotSent

SUCCESS = b'{"access_token": "at-1"}'


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """By how many seconds the loop's clock has jumped, to be changed."""
    jumps = [0.0]
    true = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: true() + sum(jumps))
    return jumps


@pytest.fixture
async def session(clock: list[float]) -> AsyncIterator[ClientSession]:
    """A session whose connections are made while the loop is blocked for 25 seconds."""

    async def made(*_: Any) -> None:
        clock.append(25)

    tracing = TraceConfig()
    tracing.on_connection_create_end.append(made)
    async with ClientSession(trace_configs=[tracing]) as blocked:
        yield blocked


async def test_a_body_is_not_begun_when_its_deadline_is_due(server: Any, session: ClientSession) -> None:
    """Not sent is what can be repeated; a token that is presented and not heard of may be lost."""
    server.answer(200, SUCCESS)

    outcome = await transport.send(
        HttpRequest("POST", server.url, body=b"a=1"), session=session, timeouts=HttpTimeouts()
    )

    assert NotSent("connect_timeout") == outcome
    assert server.requests == []


async def test_a_deadline_further_out_counts_as_well(server: Any, session: ClientSession) -> None:
    """The service's own may be shorter than the time for connecting."""
    server.answer(200, SUCCESS)
    patient = HttpTimeouts(connect=timedelta(minutes=1), total=timedelta(minutes=2))

    async with Deadline(20, layers=2):
        outcome = await transport.send(
            HttpRequest("POST", server.url, body=b"a=1"), session=session, timeouts=patient
        )

    assert NotSent("connect_timeout") == outcome
    assert server.requests == []


async def test_a_deadline_that_was_left_counts_no_longer(server: Any) -> None:
    """A task that was begun within it may outlive it."""
    server.answer(200, SUCCESS)
    left = asyncio.Event()

    async def later() -> Any:
        await left.wait()
        return await transport.send(
            HttpRequest("POST", server.url, body=b"a=1"), session=None, timeouts=HttpTimeouts()
        )

    async with Deadline(0, layers=2):
        task = asyncio.create_task(later())
    left.set()

    assert isinstance(await task, Reply)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "part", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"]
)
async def test_an_answer_that_comes_after_a_long_turn_is_read(
    server: Any, clock: list[float], method: str, part: bytes
) -> None:
    """The server was kept from answering by the same pause, and goes on when we do."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n" + SUCCESS
    assert answer.startswith(part)
    asked, awake = asyncio.Event(), asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(part)
        await writer.drain()
        asked.set()
        await awake.wait()
        writer.write(answer[len(part) :])
        await writer.drain()

    server.conversation = converse
    body = None if method == "GET" else b"a=1"
    exchange = asyncio.create_task(
        transport.send(HttpRequest(method, server.url, body=body), session=None, timeouts=HttpTimeouts())
    )
    await asked.wait()
    clock.append(25)
    # More turns than are needed to read what has arrived.
    for _ in range(200):
        await asyncio.sleep(0)
    awake.set()

    assert isinstance(await exchange, Reply)
