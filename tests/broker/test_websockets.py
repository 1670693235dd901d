"""Websockets through the broker."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from extauth import Backoff, LinkKey, RefreshPolicy
from tests.broker.site import SECRETS, opened_site

PROXY = "/v1/proxy/example/alice/live?x=1"
HEADERS = {"Authorization": f"Bearer {SECRETS['sender']}"}


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """Send back what comes, and close as it is told to."""
    socket = web.WebSocketResponse(protocols=["chat.v2"], autoping=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "close":
            await socket.close(code=4321, message=b"enough")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data.upper())
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data[::-1])
        elif message.type is WSMsgType.PING:
            await socket.pong(message.data)
    return socket


@pytest.fixture
async def browserless():
    """What a caller connects with."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        yield session


async def test_messages_go_both_ways(site, browserless):
    """Text, bytes and pings; the subprotocol and the way of closing are the API's."""
    site.api.handler = echo
    url = f"{site.url}{PROXY}"
    async with browserless.ws_connect(url, protocols=["chat.v1", "chat.v2"], autoping=False) as socket:
        assert socket.protocol == "chat.v2"
        await socket.send_str("hello")
        assert await socket.receive_str() == "HELLO"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes() == b"\x01\x00"
        await socket.ping(b"there?")
        assert (await socket.receive()).type is WSMsgType.PONG
        await socket.send_str("close")
        closed = await socket.receive()
        assert (closed.type, closed.data, closed.extra) == (WSMsgType.CLOSE, 4321, "enough")
    [request] = site.api.seen
    link = await site.auth.store.get(LinkKey("example", "alice"))
    assert request.headers["Authorization"] == f"Bearer {link.tokens.access_token}"
    assert (request.raw_path, SECRETS["sender"] in str(request.headers)) == ("/api/v1/live?x=1", False)


async def test_a_caller_that_closes(site, browserless):
    """The API is told how."""
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listen(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        await codes.put(socket.close_code)
        return socket

    site.api.handler = listen
    async with browserless.ws_connect(f"{site.url}{PROXY}") as socket:
        await socket.close(code=4000)
    assert await codes.get() == 4000


async def test_a_refused_token_is_refreshed_at_the_handshake(site, browserless):
    """Once; the caller sees an open websocket."""
    site.api.handler = echo
    link = await site.auth.store.get(LinkKey("example", "alice"))
    site.server.grants.revoke(link.tokens.access_token)
    async with browserless.ws_connect(f"{site.url}{PROXY}") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "HELLO"
    assert (site.server.grants.exchanges, len(site.api.seen)) == (1, 2)


async def test_an_api_that_refuses_every_token_costs_no_refresh_token_a_handshake(tmp_path, browserless):
    """Its first refusal is the answer from then on, until a pause is over."""

    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=401)

    patient = RefreshPolicy(cooldown=Backoff(initial=timedelta(minutes=5)))
    async with opened_site(tmp_path, path="/api/v1", policy=patient) as site:
        site.api.handler = refuse
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await browserless.ws_connect(f"{site.url}{PROXY}")
        assert (site.server.grants.exchanges, len(site.api.seen)) == (1, 4)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "bm9ib2R5cyBzZWNyZXQgaQ=="},
        {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "short"},
    ],
)
async def test_what_is_no_handshake(site, caplog, fields):
    """It is told so, and nothing is opened at the API."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", **fields}
    answer = await site.ask("sender", "GET", PROXY, headers=headers)
    assert (answer.status, answer.code, site.api.seen) == (400, "invalid_request", [])
    assert "a mistake in extauth" not in caplog.text


@pytest.mark.parametrize(("status", "told"), [(403, 403), (200, 502), (302, 502), (503, 503)])
async def test_an_api_that_opens_none(site, browserless, status, told):
    """Its status is told; a redirect is not followed, with whatever header shows the token."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, headers={"Location": f"{site.api.base}elsewhere"})

    site.api.handler = answer
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browserless.ws_connect(f"{site.url}{PROXY}")
    assert (refused.value.status, len(site.api.seen)) == (told, 1)


@pytest.mark.parametrize(
    ("headers", "status"), [({"Origin": "https://evil.example"}, 403), ({"Authorization": "Bearer x"}, 401)]
)
async def test_a_page_or_a_stranger_opens_none(site, browserless, headers, status):
    """A browser sends Origin with each handshake (RFC 6455 section 10.2)."""
    site.api.handler = echo
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await browserless.ws_connect(f"{site.url}{PROXY}", headers=headers)
    assert (refused.value.status, site.api.seen) == (status, [])


async def test_closing_ends_websockets(site, browserless):
    """Callers are told that the service goes away."""
    site.api.handler = echo
    async with browserless.ws_connect(f"{site.url}{PROXY}") as socket:
        await socket.send_str("hello")
        await socket.receive_str()
        closing = asyncio.create_task(site.stop())
        assert (await socket.receive()).data == 1001
        await closing
