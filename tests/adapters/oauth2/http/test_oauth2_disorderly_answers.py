"""Answers that the HTTP client would refuse for the form of their heads: the provider has rotated by then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, TraceConfig

from extauth.adapters.oauth2 import HttpTimeouts, client_session
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.adapters.oauth2.http.transport import send
from extauth.domain.outcomes import NotSent, Unknown
from tests.adapters.oauth2.conftest import read_request, running_server
from tests.support.tls import tls_contexts

JSON = b'{"access_token": "at-1", "refresh_token": "rt-1"}'
LINE = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(JSON)
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(JSON), JSON)

ANSWERS = {
    "two lengths": LINE + LENGTH + LENGTH + b"\r\n" + JSON,
    "a list of lengths": LINE + b"Content-Length: %d, %d\r\n\r\n" % (len(JSON), len(JSON)) + JSON,
    "a length and chunks": LINE + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "the coding identity": LINE + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + JSON,
    "no length": LINE + b"Content-Length: \r\n\r\n" + JSON,
    "a name with a space": LINE + b"X Powered By: PHP\r\n" + LENGTH + b"\r\n" + JSON,
    "a space before the colon": LINE + b"X-Name : a\r\n" + LENGTH + b"\r\n" + JSON,
    "a line without colon": LINE + b"Warning\r\n" + LENGTH + b"\r\n" + JSON,
    "a name beyond ASCII": LINE + "X-Näme: a\r\n".encode() + LENGTH + b"\r\n" + JSON,
    "a control character": LINE + b"X-Name: a\x00b\r\n" + LENGTH + b"\r\n" + JSON,
    "another version": b"HTTP/2 200\r\n" + LENGTH + b"\r\n" + JSON,
    "another case": b"http/1.1 200 ok\r\n" + LENGTH + b"\r\n" + JSON,
    "spaces": b"HTTP/1.1  200  OK\r\n" + LENGTH + b"\r\n" + JSON,
    "a field that is too long": LINE + b"X-Name: " + b"a" * 70_000 + b"\r\n" + LENGTH + b"\r\n" + JSON,
    "very many fields": LINE + b"".join(b"X-%d: a\r\n" % n for n in range(600)) + LENGTH + b"\r\n" + JSON,
    "more than the body": LINE + LENGTH + b"\r\n" + JSON + b"\r\n<!-- served by a -->",
    "an interim answer": b"HTTP/1.1 103 Early Hints\r\nbad\r\n\r\n" + LINE + LENGTH + b"\r\n" + JSON,
}
ANSWERS["very many fields"] = LINE + LENGTH + ANSWERS["very many fields"][len(LINE) :].replace(LENGTH, b"")


async def answered(server: Any, raw: bytes, size: int, **options: Any) -> Reply | NotSent | Unknown:
    """Return what comes of an answer that is sent in parts of this size."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for begin in range(0, len(raw), size):
            writer.write(raw[begin : begin + size])
            await writer.drain()

    server.conversation = converse
    options = {"session": None, "timeouts": HttpTimeouts(), **options}
    url = options.pop("url", server.url)
    return await send(HttpRequest("POST", url, body=b"refresh_token=rt-0"), **options)


@pytest.mark.parametrize("size", [1_000_000, 13])
@pytest.mark.parametrize("raw", ANSWERS.values(), ids=ANSWERS.keys())
async def test_its_tokens_are_read(server: Any, raw: bytes, size: int) -> None:
    """Whatever is wrong above them, and however it arrives."""
    reply = await answered(server, raw, size if len(raw) < 10_000 else 4096)

    assert isinstance(reply, Reply)
    assert reply.status == 200
    assert reply.body == JSON


async def test_its_tokens_are_read_through_tls(tmp_path: Any) -> None:
    """Through an application's own session."""
    served, trusting = tls_contexts(tmp_path)
    async with (
        running_server(ssl=served) as server,
        ClientSession(cookie_jar=DummyCookieJar()) as session,
    ):
        session.connector._ssl = trusting  # type: ignore[union-attr]
        url = f"https://localhost:{server.port}/token"
        reply = await answered(server, ANSWERS["two lengths"], 1000, session=session, url=url)

    assert isinstance(reply, Reply)
    assert reply.body == JSON


async def test_a_head_that_is_too_long_is_no_answer(server: Any) -> None:
    """Its fields are bounded together, so that memory is."""
    raw = LINE + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 60_000) for n in range(20)) + LENGTH + b"\r\n" + JSON

    assert Unknown("reply_too_large") == await answered(server, raw, 100_000)


FORM = b"access_token=at-1&refresh_token=rt-1"


@pytest.mark.parametrize("size", [1_000_000, len(LINE) + 30])
@pytest.mark.parametrize(("more", "whole"), [(b"", True), (b"\r\n", True), (b"-and-its-end", False)])
async def test_a_body_that_is_longer_than_it_says_has_no_marked_end(
    server: Any, size: int, more: bytes, whole: bool
) -> None:
    """What is read of it may be cut off within a token, which a form does not show."""
    raw = LINE + b"Content-Length: %d\r\n\r\n" % len(FORM) + FORM + more
    reply = await answered(server, raw, size)

    assert isinstance(reply, Reply)
    assert (reply.body, reply.end_marked) == (FORM, whole)


@pytest.mark.parametrize("size", [1_000_000, len(LINE) + 30])
async def test_json_that_is_longer_than_it_says_is_read_to_its_last_brace(server: Any, size: int) -> None:
    """Its length counts characters, of which some have two bytes: what is missing came with the rest."""
    text = '{"access_token": "at-1", "refresh_token": "rt-1", "name": "Zoë Žižková"}'
    raw = LINE + b"Content-Length: %d\r\n\r\n" % len(text) + text.encode()
    reply = await answered(server, raw, size)

    assert isinstance(reply, Reply)
    assert reply.body == text.encode()


async def test_what_comes_after_the_body_is_no_answer_to_the_next_request(server: Any) -> None:
    """A connection on which more came than was asked for is not used again: the next user may be another."""
    head_read = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(LINE + LENGTH + b"\r\n")
            await head_read.wait()
            writer.write(JSON + LINE)
            await writer.drain()

    async def note(*_: object) -> None:
        head_read.set()

    traces = TraceConfig()
    traces.on_request_end.append(note)
    server.conversation = converse
    async with client_session(reach="any", trace_configs=[traces]) as session:
        for _ in range(2):
            reply = await send(
                HttpRequest("POST", server.url, body=b"a=1"), session=session, timeouts=HttpTimeouts()
            )
            assert isinstance(reply, Reply)
            assert reply.body == JSON
            head_read.clear()

    assert server.connections == 2


async def test_a_connection_is_used_again_where_all_was_in_order(server: Any) -> None:
    """By a request that is none of ours as well, whose answer is not looked at."""
    server.answer(200, JSON)
    server.answer(200, b"theirs")
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        reply = await send(
            HttpRequest("POST", server.url, body=b"a=1"), session=session, timeouts=HttpTimeouts()
        )
        async with session.post(server.url, data=b"b=2") as response:
            theirs = await response.read()

    assert isinstance(reply, Reply)
    assert reply.body == JSON
    assert theirs == b"theirs"
    assert server.connections == 1
