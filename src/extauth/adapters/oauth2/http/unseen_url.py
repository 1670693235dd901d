"""Sending to a URL with a token in it, so that traces and errors of the HTTP client show another one.

Trace hooks, be they the application's or those that an instrumentation adds to every session, are told the
URL that a request is made with. So it is made with one that has something else in the token's place, and the
request line alone is written with the true one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ConnectionTimeoutError,
)
from yarl import URL

_TELLING: Final = ("_on_headers_request_sent", "_on_chunk_request_sent")
"""Where aiohttp tells trace hooks the URL while it writes. There is no public word for them; a test sees to
it that they are found."""


def sent_to(true: str) -> ClientMiddlewareType:
    """Return a middleware that writes this URL, at the same host, into the request line."""

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        shown = request.url
        _write(request, URL(true), shown)
        try:
            return await handler(request)
        except ConnectionTimeoutError:
            pass
        finally:
            request.url = shown
        # Out of the handler: the error that was caught is worded with the URL, and is not even the context.
        msg = f"Connection timeout to host {shown}"
        raise ConnectionTimeoutError(msg)

    return middleware


def _write(request: Any, true: URL, shown: URL) -> None:
    send, write_bytes = request.send, request.write_bytes
    for name in _TELLING:
        if (tell := getattr(request, name, None)) is not None:
            setattr(request, name, _telling(tell, shown))

    async def write_body(*arguments: Any) -> None:
        # What goes wrong from here on is worded with the URL.
        request.url = shown
        await write_bytes(*arguments)

    async def send_line(connection: Any) -> ClientResponse:
        response: Any = await send(connection)
        request.url = shown
        # It was made with the other one.
        response._request_info = request.request_info  # noqa: SLF001 - there is no public way
        return response  # type: ignore[no-any-return]

    request.url = true
    request.send, request.write_bytes = send_line, write_body


def _telling(tell: Callable[..., Awaitable[None]], shown: URL) -> Callable[..., Awaitable[None]]:
    async def told(method: str, _: URL, what: object) -> None:
        await tell(method, shown, what)

    return told
