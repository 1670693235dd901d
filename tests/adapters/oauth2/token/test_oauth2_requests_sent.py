from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from extauth.adapters.oauth2 import HttpTimeouts
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import JSON, HttpRequest
from extauth.adapters.oauth2.http.transport import LONGEST_REPLY, send
from extauth.domain.outcomes import NotSent, Unknown
from tests.adapters.oauth2.conftest import http_answer, read_request

SHORT = timedelta(milliseconds=50)


async def sent(
    request: HttpRequest, session: ClientSession | None = None, timeouts: HttpTimeouts | None = None
) -> Reply | NotSent | Unknown:
    """Send the request."""
    return await send(request, session=session, timeouts=timeouts or HttpTimeouts())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_no_redirect_is_followed(server: Any, method: str) -> None:
    """A token goes nowhere but to its endpoint, whatever the method."""
    server.answer(302, b"", Location=server.url)

    reply = await sent(HttpRequest(method, server.url))

    assert isinstance(reply, Reply)
    assert reply.status == 302
    assert len(server.requests) == 1
    assert server.requests[0].line == f"{method} /token HTTP/1.1"


async def test_a_body_is_what_it_is_said_to_be(server: Any) -> None:
    """JSON with its content type, and headers that win whatever their case."""
    server.answer(200, b"{}")
    headers = {"accept": "application/vnd.x+json", "X-Version": "1"}

    await sent(HttpRequest("POST", server.url, headers, b'{"a":1}', JSON))

    (request,) = server.requests
    assert request.body == '{"a":1}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/vnd.x+json"
    assert request.headers["x-version"] == "1"
    assert request.headers["content-length"] == "7"


async def test_no_header_is_sent_twice(server: Any) -> None:
    """One that is given in another case takes the place of ours, on the wire as well."""
    heads: list[str] = []

    async def note_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(http_answer(200, b"{}"))
        await writer.drain()

    server.conversation = note_head

    await sent(HttpRequest("GET", server.url, {"accept": "application/vnd.x+json"}))

    assert heads[0].count("\r\naccept: ") == 1
    assert "\r\naccept: application/vnd.x+json\r\n" in heads[0]


async def test_a_session_s_content_type_is_not_that_of_nothing(server: Any) -> None:
    """The application's default for its own calls would be refused here."""
    server.answer(200, b"{}")
    async with ClientSession(headers={"Accept": "text/html"}) as session:
        await sent(HttpRequest("GET", server.url), session)
        await sent(HttpRequest("POST", server.url), session)

    for request in server.requests:
        assert "content-type" not in request.headers
        assert request.headers["accept"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_request_that_does_not_connect_was_not_sent(unused_tcp_port: int, method: str) -> None:
    """With a body or without."""
    outcome = await sent(HttpRequest(method, f"http://127.0.0.1:{unused_tcp_port}/"))

    assert outcome == NotSent("connect_failed")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_reply_that_does_not_come_leaves_it_unknown(server: Any, method: str) -> None:
    """The connection ends after the request was read."""

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)

    server.conversation = hang_up

    assert await sent(HttpRequest(method, server.url)) == Unknown("reply_lost")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_silence_ends(server: Any, method: str) -> None:
    """No reply for as long as may be."""

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    server.conversation = say_nothing

    outcome = await sent(HttpRequest(method, server.url), timeouts=HttpTimeouts(read=SHORT))

    assert outcome == Unknown("reply_timeout")


async def test_the_whole_of_a_get_is_bounded(server: Any) -> None:
    """A reply that trickles in for ever has an end as well."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.005)

    server.conversation = trickle

    outcome = await sent(HttpRequest("GET", server.url), timeouts=HttpTimeouts(total=SHORT))

    assert outcome == Unknown("reply_timeout")


async def test_connecting_for_a_get_is_bounded(server: Any) -> None:
    """A pool with no connection left is no reason to wait for ever; nothing was sent."""
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        holding.set()
        await release.wait()
        writer.write(http_answer(200, b"{}"))
        await writer.drain()

    server.conversation = hold
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        first = asyncio.create_task(sent(HttpRequest("GET", server.url), session))
        await holding.wait()

        outcome = await sent(HttpRequest("GET", server.url), session, HttpTimeouts(connect=SHORT))

        assert outcome == NotSent("connect_timeout")
        release.set()
        assert isinstance(await first, Reply)


async def test_a_get_s_reply_is_bounded(server: Any) -> None:
    """An answer that never ends fills no memory."""
    server.answer(200, b"x" * (LONGEST_REPLY + 1))

    assert await sent(HttpRequest("GET", server.url)) == Unknown("reply_too_large")


async def test_a_delete_is_not_sent_again_over_a_new_connection(server: Any) -> None:
    """Aiohttp would repeat it where a kept-alive connection turns out to be closed."""

    async def answer_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.requests.append(await read_request(reader))
        writer.write(http_answer(204, b""))
        await writer.drain()
        server.requests.append(await read_request(reader))

    server.conversation = answer_and_hang_up
    async with ClientSession() as session:
        await sent(HttpRequest("DELETE", server.url), session)

        outcome = await sent(HttpRequest("DELETE", server.url), session)

    assert outcome == Unknown("reply_lost")
    assert len(server.requests) == 2
    assert server.connections == 1


async def test_a_header_that_cannot_be_sent_is_no_exception(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A token with a line break would be two headers. It is not sent, and in no log."""
    request = HttpRequest("POST", server.url, {"Authorization": "Bearer hidden\r\nX: 1"})

    outcome = await sent(request)

    assert outcome == NotSent("request_failed")
    assert caplog.messages == ["a request to a provider failed with ValueError"]
    assert server.requests == []
