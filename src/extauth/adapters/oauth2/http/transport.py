"""Sends one request to one endpoint, once, and tells the three ends of that apart.

*Answered*: a complete reply. *Not sent*: the body's write never began, so a token in it is certainly
unused. *Unknown*: it began, and no complete reply came. The body itself notes when its write begins,
since only aiohttp's errors of connecting, and not all that can happen before the write, say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import (
    BytesPayload,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerFingerprintMismatch,
)
from aiohttp.abc import AbstractStreamWriter

from extauth.adapters.oauth2.http.addresses import AddressNotAllowedError, Reach, may_name, was_refused
from extauth.adapters.oauth2.http.arrivals import Arrivals
from extauth.adapters.oauth2.http.body import NO_ENCODING, READING, Body, Received, overrun, read_body
from extauth.adapters.oauth2.http.content_encoding import TOO_LARGE, UnusableContentError
from extauth.adapters.oauth2.http.phases import HttpTimeouts, Phases
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import USER_AGENT, HttpRequest
from extauth.adapters.oauth2.http.session import client_session
from extauth.adapters.oauth2.http.unseen_url import sent_to
from extauth.cancellation import cancelled_by_caller
from extauth.domain.hidden import NamesOnly
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED, NotSent, Unknown

LONGEST_REPLY: Final = 1024 * 1024
"""In bytes, after decompression. A token endpoint's answer has a few thousand."""

_HEADERS: Final = {
    "Accept": "application/json",
    "User-Agent": USER_AGENT,
}

_BEFORE_CONNECTING: Final = (ClientConnectorError, ServerFingerprintMismatch, AddressNotAllowedError)

_log = logging.getLogger(__name__)


class _WrittenTwiceError(Exception):
    """Something between us and the wire tried to send the body again."""


class _SingleUseBody(BytesPayload):
    """A body that notes when it begins to be written, and is written once at most.

    The second holds against a retrying middleware of the application's session: a refresh token is
    presented once.
    """

    def __init__(self, content: bytes, *, on_begin: Callable[[], None], on_end: Callable[[], None]) -> None:
        super().__init__(content)
        self.begun = False
        self.arrivals = Arrivals()
        self._content = content
        self._on_begin = on_begin
        self._on_end = on_end

    @property
    def consumed(self) -> bool:
        """Whether aiohttp must not try again, as it would with a DELETE."""
        return self.begun

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if self.begun:
            raise _WrittenTwiceError
        # Raises when it is too late: then this stays unsent.
        self._on_begin()
        self.begun = True
        self.arrivals.await_on(getattr(writer, "protocol", None))
        await writer.write(self._content[:content_length])
        self._on_end()


@asynccontextmanager
async def _opened(session: ClientSession | None, reach: Reach) -> AsyncGenerator[ClientSession]:
    if session is not None:
        yield session
        return
    # Nothing but the configuration decides what is sent.
    async with client_session(reach=reach) as own:
        yield own


_LISTS: Final = frozenset({"link", "ratelimit", "www-authenticate"})
"""Header fields that we read and that are lists."""


def _headers(request: HttpRequest) -> NamesOnly[str]:
    # Explicit, since the session of an application may have another default.
    content = {} if request.body is None else {"Content-Type": request.content_type}
    # aiohttp lets the last of names that differ in case only win.
    # A caller who is cancelled is told so through the HTTP client's frames, which have them.
    return NamesOnly({**_HEADERS, **content, **request.headers, **NO_ENCODING})


async def _ask(
    session: ClientSession,
    request: HttpRequest,
    form: _SingleUseBody | None,
    phases: Phases,
    received: Received,
) -> Reply:
    if not may_name(request.url, request.reach):
        raise AddressNotAllowedError
    hidden = () if request.shown_url is None else (sent_to(request.url),)
    response = await session.request(
        request.method,
        request.shown_url or request.url,
        data=form,
        headers=_headers(request),
        skip_auto_headers=() if request.body is not None else ("Content-Type",),
        allow_redirects=False,
        raise_for_status=False,
        timeout=ClientTimeout(total=None, connect=phases.connecting),
        middlewares=hidden or None,
        **READING,
    )
    try:
        phases.heard()
        received.response = response
        body = await _content(response, phases.heard, received.content)
    finally:
        # At the end of the body the connection is back in the pool already and this closes nothing.
        response.close()
    if form is not None and form.arrivals.beyond:
        body = overrun(body, bytes(form.arrivals.beyond))
    return _reply(response, body)


def _reply(response: ClientResponse, body: Body) -> Reply:
    lowered: dict[str, str] = {}
    for name in {name.lower() for name in response.headers}:
        values = response.headers.getall(name)
        # A list may be sent in several lines (RFC 9110 section 5.3); of a single value the last counts.
        lowered[name] = ", ".join(values) if name in _LISTS else values[-1]
    return Reply(response.status, lowered, body.content, end_marked=body.end_marked)


async def _content(response: ClientResponse, heard: Callable[[], None], content: bytearray) -> Body:
    try:
        return await read_body(response, LONGEST_REPLY, heard, content)
    except UnusableContentError:
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise
    # Not a success. Its status and how long to wait are known all the same.
    return Body(b"", end_marked=False)


def _connect_failure(error: Exception) -> str:
    if was_refused(error):
        return ADDRESS_NOT_ALLOWED
    if isinstance(error, ClientConnectorDNSError):
        return "dns_failed"
    if isinstance(error, (ClientSSLError, ServerFingerprintMismatch)):
        return "tls_failed"
    return "connect_failed"


async def send(
    request: HttpRequest, *, session: ClientSession | None, timeouts: HttpTimeouts
) -> Reply | NotSent | Unknown:
    """Send the request once and return the complete reply, or how it failed. Follows no redirect.

    Nor does it go to an address out of the request's reach: that is :class:`~extauth.domain.outcomes.NotSent`
    with :data:`~extauth.domain.outcomes.ADDRESS_NOT_ALLOWED`. A given session is checked when a provider is
    made with it; here it is looked at what the URL itself says.

    Raises only ``CancelledError``, and only when the calling task was cancelled; whether the request was
    sent is then unknown. Through ``session``, or through a new one that is closed again if None.

    A GET may be sent a second time: aiohttp repeats one when its connection closes without an answer, as
    it may with a safe method (RFC 9110 section 9.2.2).
    """
    with_body = request.method != "GET"
    phases = Phases(timeouts, body=with_body)
    begin, end = phases.begin_body, phases.end_body
    body = _SingleUseBody(request.body or b"", on_begin=begin, on_end=end) if with_body else None
    received = Received()
    reply: Reply | None = None
    unsent, lost = "connect_failed", "reply_lost"
    # Whether a request without a body was sent is known only where connecting failed.
    connected = True
    try:
        async with phases.deadline, _opened(session, request.reach) as http:
            try:
                reply = await _ask(http, request, body, phases, received)
            finally:
                if body is not None:
                    body.arrivals.end()
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
        # A task inside aiohttp was cancelled and not this one: asyncio.run() cancels all tasks that
        # it can see when it ends, while the exchange goes on to its end.
        unsent = "interrupted"
    except TimeoutError as error:
        unsent, lost = "connect_timeout", "reply_timeout"
        connected = not isinstance(error, ConnectionTimeoutError)
        if received.response is not None and received.is_whole():
            # A length that is too long, or none, on a connection that is left open.
            reply = _reply(received.response, Body(bytes(received.content), end_marked=False))
    except UnusableContentError as error:
        lost = error.code
    except (ClientError, OSError) as error:
        unsent = "connect_timeout" if phases.late else _connect_failure(error)
        lost = TOO_LARGE if body is not None and body.arrivals.too_long else lost
        connected = not isinstance(error, _BEFORE_CONNECTING)
    except Exception as error:  # noqa: BLE001 - the one thing to keep is whether the request was sent
        # The type alone: the text may quote the request.
        _log.warning("a request to a provider failed with %s", type(error).__name__)
        unsent = "request_failed"
    if reply is not None:
        # Whatever failed then was the closing of the connection.
        return reply
    sent = connected if body is None else body.begun
    return Unknown(lost) if sent else NotSent(unsent)
