from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, TraceConfig
from aiohttp.abc import AbstractResolver
from aiohttp.payload import BytesPayload

from extauth.adapters.oauth2 import HttpTimeouts
from extauth.adapters.oauth2.http import transport
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.deadline import Deadline
from extauth.domain.outcomes import NotSent, Unknown

FORM = b"refresh_token=rt-0"
SUCCESS = b'{"access_token": "at-1"}'
SHORT = timedelta(milliseconds=50)


async def send(
    url: str, session: ClientSession | None = None, timeouts: HttpTimeouts | None = None
) -> Reply | NotSent | Unknown:
    """Send the form."""
    request = HttpRequest("POST", url, body=FORM)
    return await transport.send(request, session=session, timeouts=timeouts or HttpTimeouts())


class Names(AbstractResolver):
    """Resolves every name as the test says."""

    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        self.fails, self.hangs = fails, hangs
        self.asked = asyncio.Event()

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        self.asked.set()
        if self.fails:
            raise OSError(None, "no such name")
        if self.hangs:
            await asyncio.Event().wait()
        return [
            {"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        pass


class Deadlines:
    """Sees the deadlines of exchanges, and can let the last one come now."""

    def __init__(self) -> None:
        self.made: list[Deadline] = []
        self.given: list[list[float]] = []
        """For each, the seconds that it was given at first and later."""

    def extended(self, deadline: Deadline, seconds: float) -> None:
        if deadline not in self.made:
            self.made.append(deadline)
            self.given.append([])
        self.given[self.made.index(deadline)].append(seconds)

    def expire(self) -> None:
        self.made[-1].extend(0)


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> Deadlines:
    """The deadlines of the exchanges of this test; those of aiohttp are made in another way."""
    seen = Deadlines()
    extend = Deadline.extend

    def noted(deadline: Deadline, seconds: float) -> None:
        extend(deadline, seconds)
        seen.extended(deadline, seconds)

    monkeypatch.setattr(Deadline, "extend", noted)
    return seen


async def test_a_complete_reply_is_handed_over(server: Any) -> None:
    """Status, headers by lower-case name, and the body."""
    server.answer(418, SUCCESS, X_Seen="Yes")

    reply = await send(server.url)

    assert isinstance(reply, Reply)
    assert reply.status == 418
    assert reply.headers["x-seen"] == "Yes"
    assert reply.body == SUCCESS
    assert server.requests[0].body == FORM.decode()


async def test_no_redirect_is_followed(server: Any) -> None:
    """A refresh token goes nowhere but to its endpoint."""
    server.answer(307, b"", Location=server.url)

    reply = await send(server.url)

    assert isinstance(reply, Reply)
    assert reply.status == 307
    assert len(server.requests) == 1


async def test_its_own_connection_is_closed_after_each_exchange(server: Any) -> None:
    """Nothing is left open, and no kept-alive connection dies under the next exchange."""
    server.answer(200, SUCCESS)

    for _ in range(2):
        assert isinstance(await send(server.url), Reply)
    gc.collect()

    assert server.connections == 2


async def test_cookies_of_a_provider_are_not_kept(server: Any) -> None:
    """Each exchange of its own stands alone."""
    server.answer(200, SUCCESS, Set_Cookie="session=1")

    for _ in range(2):
        await send(server.url)

    assert "cookie" not in server.requests[1].headers


async def test_the_environment_decides_nothing(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a proxy nor a .netrc of the machine changes where and as whom the form is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer(200, SUCCESS)

    assert isinstance(await send(server.url), Reply)
    assert "authorization" not in server.requests[0].headers


async def test_a_compressed_reply_is_read(server: Any) -> None:
    """Content-Encoding is undone before judging."""
    server.answer(200, gzip.compress(SUCCESS), Content_Encoding="gzip")

    reply = await send(server.url)

    assert isinstance(reply, Reply)
    assert reply.body == SUCCESS


@pytest.mark.parametrize("length", [1024 * 1024, 1024 * 1024 + 1])
async def test_the_length_of_a_reply_is_bounded(server: Any, length: int) -> None:
    """1 MiB is read; more is nothing that a token endpoint says."""
    server.answer(200, b"x" * length)

    reply = await send(server.url)

    if length > 1024 * 1024:
        assert Unknown("reply_too_large") == reply
    else:
        assert isinstance(reply, Reply)


async def test_a_compressed_bomb_is_not_unpacked(server: Any) -> None:
    """The bound counts what comes out of the decompression."""
    server.answer(200, gzip.compress(b"x" * 64 * 1024 * 1024), Content_Encoding="gzip")

    assert Unknown("reply_too_large") == await send(server.url)


@pytest.mark.parametrize("body", [b"\x0b\x02\x80not really brotli\x03", b"x" * (1024 * 1024 + 1)])
async def test_a_refusal_that_cannot_be_read_is_one(server: Any, body: bytes) -> None:
    """Its status and how long to wait count; it was no success."""
    server.answer(429, body, Content_Encoding="br" if len(body) < 100 else "identity", Retry_After="7")

    reply = await send(server.url)

    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.end_marked) == (429, b"", False)
    assert reply.headers["retry-after"] == "7"


async def test_a_refused_connection_sent_nothing(unused_tcp_port: int) -> None:
    """Nobody listens."""
    assert NotSent("connect_failed") == await send(f"http://127.0.0.1:{unused_tcp_port}/token")


async def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    """DNS fails."""
    connector = TCPConnector(resolver=Names(fails=True))
    async with ClientSession(connector=connector) as session:
        assert NotSent("dns_failed") == await send("https://provider.invalid/token", session)


async def test_a_failed_tls_handshake_sent_nothing(server: Any) -> None:
    """The other side does not speak TLS."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        # Wait for the client to go, so that its bytes are not answered with a reset.
        await reader.read(-1)

    server.conversation = plain

    assert NotSent("tls_failed") == await send(server.url.replace("http:", "https:"))


async def test_a_handshake_that_is_cut_off_sent_nothing(server: Any) -> None:
    """A connection that is closed within the TLS handshake is a failure to connect."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    server.conversation = hang_up

    assert isinstance(await send(server.url.replace("http:", "https:")), NotSent)


async def test_silence_while_connecting_sent_nothing(deadlines: Deadlines) -> None:
    """The phase of connecting covers DNS, and has its own bound."""
    names = Names(hangs=True)
    async with ClientSession(connector=TCPConnector(resolver=names)) as session:
        exchange = asyncio.create_task(
            send("https://provider.invalid/token", session, HttpTimeouts(connect=timedelta(hours=1)))
        )
        await names.asked.wait()
        assert deadlines.given == [[18]]

        deadlines.expire()

        assert NotSent("connect_timeout") == await exchange


async def test_waiting_for_a_connection_of_the_pool_sent_nothing(server: Any, deadlines: Deadlines) -> None:
    """The phase of connecting covers a pool that is used up."""
    server.conversation = silent
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        holder = asyncio.create_task(send(server.url, session))
        while not server.connections:
            await asyncio.sleep(0)
        exchange = asyncio.create_task(send(server.url, session))
        while len(deadlines.made) < 2:
            await asyncio.sleep(0)
        assert [first for first, *_ in deadlines.given] == [10, 10]

        deadlines.expire()

        assert NotSent("connect_timeout") == await exchange
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
    assert server.connections == 1


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all and say nothing until the client goes."""
    await reader.read(-1)


async def test_silence_after_sending_is_unknown(server: Any) -> None:
    """The token may be used up."""
    server.conversation = silent

    outcome = await send(server.url, timeouts=HttpTimeouts(read=SHORT, total=timedelta(hours=1)))

    assert Unknown("reply_timeout") == outcome


async def test_a_request_without_a_body_is_bounded_too(server: Any, deadlines: Deadlines) -> None:
    """By connecting and reading together, since nobody sees where the one ends and the other begins."""
    asked = asyncio.Event()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read(-1)

    server.conversation = ask
    timeouts = HttpTimeouts(connect=timedelta(seconds=7), read=timedelta(seconds=3))
    exchange = asyncio.create_task(
        transport.send(HttpRequest("GET", server.url), session=None, timeouts=timeouts)
    )
    await asked.wait()
    assert deadlines.given == [[10]]

    deadlines.expire()

    assert Unknown("reply_timeout") == await exchange


@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n", b""])
async def test_json_that_is_whole_is_an_answer_when_time_is_up(
    server: Any, deadlines: Deadlines, length: bytes
) -> None:
    """Its last brace has come; the end that was promised does not, and the connection is left open."""

    async def leave_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(FORM)
        body = b"%x\r\n%s\r\n" % (len(SUCCESS), SUCCESS) if length.startswith(b"T") else SUCCESS
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body)
        await reader.read(-1)

    server.conversation = leave_open
    exchange = asyncio.create_task(send(server.url))
    while not deadlines.given or len(deadlines.given[-1]) < len(("connecting", "writing", "headers", "part")):
        await asyncio.sleep(0)

    deadlines.expire()

    reply = await exchange
    assert isinstance(reply, Reply)
    assert (reply.body, reply.end_marked) == (SUCCESS, False)


async def test_a_reply_that_trickles_is_unknown(server: Any, deadlines: Deadlines) -> None:
    """Each part comes in time, but the whole does not."""
    trickling = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(FORM)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        trickling.set()
        await reader.read(-1)

    server.conversation = trickle
    exchange = asyncio.create_task(send(server.url, timeouts=HttpTimeouts(read=timedelta(seconds=19))))
    await trickling.wait()
    while len(deadlines.given[-1]) < len(("connecting", "writing", "headers", "part")):
        await asyncio.sleep(0)
    connecting, *others = deadlines.given[-1]
    assert connecting == 10
    assert others == sorted(others, reverse=True)
    assert max(others) <= 18

    deadlines.expire()

    assert Unknown("reply_timeout") == await exchange


async def test_a_deadline_in_the_same_turn_as_the_write_has_one_outcome(
    server: Any, deadlines: Deadlines
) -> None:
    """Where the write is a task of its own, the deadline may come just before: then nothing is sent."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.set_result(await reader.read(-1))

    server.conversation = note

    async def as_the_headers_are_ready() -> None:
        # Runs after aiohttp made the writer and before the writer's first step.
        expire = deadlines.made[-1]._timeout._on_timeout  # type: ignore[attr-defined]
        asyncio.get_running_loop().call_soon(expire)

    tracer = Tracer("on_request_headers_sent", as_the_headers_are_ready)
    async with ClientSession(trace_configs=[tracer.config]) as session:
        outcome = await send(server.url, session)

    if sys.version_info >= (3, 12):
        assert Unknown("reply_timeout") == outcome
        assert (await received).endswith(FORM)
    else:
        assert NotSent("connect_timeout") == outcome
        assert await received == b""


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"access_token',
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
async def test_a_reply_cut_short_is_unknown(server: Any, part: bytes) -> None:
    """The form was read; whether it was carried out nobody can tell."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"POST /token" in head
        assert await reader.readexactly(len(FORM)) == FORM
        writer.write(part)

    server.conversation = cut

    assert Unknown("reply_lost") == await send(server.url)


async def test_a_server_that_closes_without_reading_leaves_it_unknown(server: Any) -> None:
    """The form was written; that nobody read it cannot be seen from here."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server.conversation = close

    # The connection may be found dead before the write, too.
    assert await send(server.url) in (Unknown("reply_lost"), NotSent("connect_failed"))


@pytest.mark.parametrize("shared", [False, True])
async def test_a_cancelled_exchange_is_cancelled(server: Any, shared: bool) -> None:
    """The task's own cancellation is no outcome."""
    server.conversation = silent
    session = ClientSession() if shared else None
    exchange = asyncio.create_task(send(server.url, session))
    while not server.connections:
        await asyncio.sleep(0)

    exchange.cancel()

    with pytest.raises(asyncio.CancelledError):
        await exchange
    if session is not None:
        assert not session.closed
        await session.close()


async def test_a_cancelled_resolution_is_an_outcome() -> None:
    """The end of asyncio.run() cancels tasks inside aiohttp; nothing was sent then."""
    names = Names(hangs=True)
    async with ClientSession(connector=TCPConnector(resolver=names)) as session:
        exchange = asyncio.create_task(send("https://provider.invalid/token", session))
        await names.asked.wait()

        cancel_all_but(exchange)

        assert NotSent("interrupted") == await exchange


def cancel_all_but(*spared: asyncio.Task[Any]) -> None:
    """Do what asyncio.run() does at its end, with some tasks out of its sight."""
    for task in asyncio.all_tasks() - {*spared, asyncio.current_task()}:
        task.cancel()


class Tracer:
    """Lets the test step in as the headers are about to be written or the body is."""

    def __init__(self, signal: str, action: Any) -> None:
        self.config = TraceConfig()
        self.action = action
        getattr(self.config, signal).append(self.step_in)

    async def step_in(self, *_: Any) -> None:
        await self.action()


async def test_a_body_writer_cancelled_before_it_ran_sent_nothing(server: Any) -> None:
    """Where aiohttp writes the body in a task of its own, that task may be cancelled unbegun."""
    server.answer(200, SUCCESS)

    def cancel_the_writer() -> None:
        for task in asyncio.all_tasks():
            if "write_bytes" in repr(task.get_coro()):
                task.cancel()

    async def as_headers_are_ready() -> None:
        # Runs after aiohttp made the writer and before the writer's first step.
        asyncio.get_running_loop().call_soon(cancel_the_writer)

    tracer = Tracer("on_request_headers_sent", as_headers_are_ready)
    async with ClientSession(trace_configs=[tracer.config]) as session:
        outcome = await send(server.url, session, HttpTimeouts(connect=SHORT * 4))

    if isinstance(outcome, Reply):
        # Python 3.12 and newer write without a task: there is nothing to cancel.
        assert len(server.requests) == 1
    else:
        assert NotSent("connect_timeout") == outcome
        assert server.requests == []


async def test_a_body_writer_cancelled_after_it_began_is_unknown(server: Any) -> None:
    """The flag is set before the first byte is handed over."""
    server.answer(200, SUCCESS)

    async def as_the_body_is_written() -> None:
        writer = asyncio.current_task()
        assert writer is not None
        writer.cancel()
        await asyncio.sleep(0)

    tracer = Tracer("on_request_chunk_sent", as_the_body_is_written)
    async with ClientSession(trace_configs=[tracer.config]) as session:
        assert Unknown("reply_lost") == await send(server.url, session)


async def test_a_form_is_written_once(server: Any) -> None:
    """A retrying middleware of the application's session does not present a token twice."""
    server.answer(503, b"")

    async def retry(request: Any, handler: Any) -> Any:
        response = await handler(request)
        response.close()
        return await handler(request)

    async with ClientSession(middlewares=[retry]) as session:
        assert Unknown("reply_lost") == await send(server.url, session)
    assert len(server.requests) == 1


async def test_the_body_works_with_the_older_way_to_write(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before version 3.12, aiohttp calls write() of a payload."""
    server.answer(200, SUCCESS)

    from extauth.adapters.oauth2.http import transport

    class Older(transport._SingleUseBody):
        async def write_with_length(self, writer: Any, content_length: int | None) -> None:
            if content_length is None:
                await super().write_with_length(writer, None)
            else:
                await self.write(writer)

    monkeypatch.setattr(transport, "_SingleUseBody", Older)

    assert isinstance(await send(server.url), Reply)
    assert server.requests[0].body == FORM.decode()
    assert issubclass(Older, BytesPayload)


async def test_a_reply_survives_a_failing_close(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is here; nothing that happens while tidying up may throw it away."""
    server.answer(200, SUCCESS)
    close = ClientSession.close

    async def failing_close(session: ClientSession) -> None:
        await close(session)
        raise asyncio.CancelledError

    monkeypatch.setattr(ClientSession, "close", failing_close)

    assert isinstance(await send(server.url), Reply)


@pytest.mark.parametrize("phase", ["connect", "read", "total"])
@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1)])
def test_timeouts_are_positive(phase: str, value: timedelta) -> None:
    """A bound of nothing would fail each exchange."""
    with pytest.raises(ValueError, match=f"{phase} must be longer than zero"):
        HttpTimeouts(**{phase: value})


def test_the_defaults_fit_into_the_service_s_bound() -> None:
    """The service cuts an exchange off after 20 seconds; by then this has judged."""
    assert HttpTimeouts().total == timedelta(seconds=18)
