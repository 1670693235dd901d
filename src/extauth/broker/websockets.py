"""Forwarding websockets (RFC 6455) to an API with the token put in, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Protocol, final

import aiohttp
import attrs
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from yarl import URL

from extauth.broker.fields import request_fields
from extauth.broker.links import LinkTokens
from extauth.broker.problems import UNREACHABLE, Problem

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a message, which is held as a whole."""
NO_HANDSHAKE: Final = Problem(
    400, "invalid_request", "what asks for a websocket must be a handshake (RFC 6455 section 4.1)"
)
_NO_CODE: Final = frozenset({None, 1005, 1006, 1015})
"""What says that no code was sent (RFC 6455 section 7.4.1), and is never sent."""
_REDIRECTS: Final = range(300, 400)
_CLOSED: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


class _Socket(Protocol):
    """Either end."""

    async def receive(self) -> Any: ...

    async def send_str(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def ping(self, message: bytes) -> None: ...

    async def pong(self, message: bytes) -> None: ...

    async def close(self, *, code: int, message: bytes) -> Any: ...


@final
@attrs.frozen
class Refused:
    """The API answered the handshake otherwise."""

    status: int


@final
class WebsocketForwarder:
    """Forwards websockets; closing it ends those that are open."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._open: set[web.WebSocketResponse] = set()

    async def forward(
        self, request: web.BaseRequest, url: str, tokens: LinkTokens
    ) -> web.StreamResponse | Problem:
        """Connect to the API, then answer the handshake and pass messages on until either end closes.

        A token that the API refuses at the handshake is refreshed, once.

        :raises ExtAuthError: if there is no token.
        """
        if not web.WebSocketResponse().can_prepare(request):
            return NO_HANDSHAKE
        link = await tokens.current()
        upstream = await self._connected(request, url, tokens.shown(link))
        if _refuses_token(upstream) and (other := await tokens.after_refusal(link)) is not None:
            upstream = await self._connected(request, url, tokens.shown(other))
            if _refuses_token(upstream):
                tokens.refused_again(other)
        if upstream is None:
            return UNREACHABLE
        if isinstance(upstream, Refused):
            status = upstream.status if upstream.status >= HTTPStatus.BAD_REQUEST else HTTPStatus.BAD_GATEWAY
            return Problem(status, "websocket_refused", f"the API answered {upstream.status}")
        protocols = [] if upstream.protocol is None else [upstream.protocol]
        caller = web.WebSocketResponse(
            protocols=protocols, autoping=False, autoclose=False, compress=False, max_msg_size=LONGEST
        )
        try:
            await caller.prepare(request)
            self._open.add(caller)
            await _both_ways(caller, upstream)
        finally:
            self._open.discard(caller)
            await upstream.close()
        return caller

    async def aclose(self) -> None:
        """Tell the callers whose websockets are open that they end."""
        closing = (
            each.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down") for each in [*self._open]
        )
        await asyncio.gather(*closing, return_exceptions=True)

    async def _connected(
        self, request: web.BaseRequest, url: str, shown: Mapping[str, str]
    ) -> aiohttp.ClientWebSocketResponse | Refused | None:
        wanted = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
        try:
            return await self._session.ws_connect(
                URL(url, encoded=True),
                headers=request_fields(request.headers.items(), shown, websocket=True),
                protocols=[each.strip() for each in wanted.split(",") if each.strip()],
                autoping=False,
                autoclose=False,
                compress=0,
                max_msg_size=LONGEST,
            )
        except aiohttp.WSServerHandshakeError as error:
            return Refused(error.status)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None


def _refuses_token(upstream: aiohttp.ClientWebSocketResponse | Refused | None) -> bool:
    return isinstance(upstream, Refused) and upstream.status == HTTPStatus.UNAUTHORIZED


async def no_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Refuse redirects of handshakes, which aiohttp would follow, headers and all: a client middleware."""
    answer = await handler(request)
    if "Sec-WebSocket-Key" in request.headers and answer.status in _REDIRECTS:
        answer.close()
        raise aiohttp.WSServerHandshakeError(answer.request_info, (), status=answer.status)
    return answer


async def _both_ways(caller: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
    ways = [
        asyncio.create_task(_passed_on(one, other)) for one, other in ((caller, upstream), (upstream, caller))
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _passed_on(source: _Socket, to: _Socket) -> None:
    with suppress(ConnectionError, RuntimeError):  # the other end has closed meanwhile
        while True:
            message: WSMessage = await source.receive()
            match message.type:
                case WSMsgType.TEXT:
                    await to.send_str(message.data)
                case WSMsgType.BINARY:
                    await to.send_bytes(message.data)
                case WSMsgType.PING:
                    await to.ping(message.data)
                case WSMsgType.PONG:
                    await to.pong(message.data)
                case kind if kind in _CLOSED:
                    break
                case _:
                    pass
        code = message.data if message.type is WSMsgType.CLOSE else WSCloseCode.GOING_AWAY
        reason = message.extra if isinstance(message.extra, str) else ""
        await to.close(code=WSCloseCode.OK if code in _NO_CODE else code, message=reason.encode())
