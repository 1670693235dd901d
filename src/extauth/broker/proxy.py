"""Forwarding requests to an API with the token put in: the caller never has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, final
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

from extauth.auth import Auth
from extauth.broker.bodies import PassingBody
from extauth.broker.fields import request_fields, response_fields, wants_websocket
from extauth.broker.links import LinkTokens
from extauth.broker.problems import NO_API, UNREACHABLE, Problem
from extauth.broker.targets import VERSION, Target, base_of, seen_location, upstream_url
from extauth.broker.websockets import WebsocketForwarder, no_redirects

CONNECT_WITHIN: Final = 30.0
"""Seconds. An answer may take as long as it takes: a caller that has enough goes away."""
_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp would say of its own."""


class ApiUnreachable(Exception):
    """The API could not be reached, or broke off before it answered. The text is ours."""


@asynccontextmanager
async def api_session() -> AsyncGenerator[aiohttp.ClientSession, None]:
    """Open what requests to APIs are sent by: it adds nothing, keeps no cookies and undoes no compression."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        middlewares=(no_redirects,),
        skip_auto_headers=_ADDED,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN),
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
    ) as session:
        yield session


@final
class Forwarder:
    """Forwards requests, and answers back, as they come."""

    def __init__(self, auth: Auth, bases: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self._auth = auth
        self._bases = bases
        self._session = session
        self._websockets = WebsocketForwarder(session)

    async def aclose(self) -> None:
        """End the websockets that are open: nobody knows when they would end by themselves."""
        await self._websockets.aclose()

    async def forward(self, request: web.BaseRequest, target: Target) -> web.StreamResponse | Problem:
        """Answer a request with the API's answer.

        A token that the API refuses is refreshed, once, and the request sent once more, if its body has not
        been too long to be kept; else the refusal is the answer. Redirects are not followed.

        :raises ExtAuthError: if there is no token to send it with.
        """
        base = base_of(self._bases, target.provider_id)
        if base is None:
            return NO_API
        tokens, url = LinkTokens(self._auth, target), upstream_url(base, target)
        if wants_websocket(request.method, request.headers.items()):
            return await self._websockets.forward(request, url, tokens)
        link = await tokens.current()
        body = _body_of(request)
        answer = await self._sent(request, url, tokens.shown(link), body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            other = await tokens.after_refusal(link)
            if other is not None and (body is None or body.again()):
                answer.close()
                link = other
                answer = await self._sent(request, url, tokens.shown(link), body)
                if answer.status == HTTPStatus.UNAUTHORIZED:
                    tokens.refused_again(link)
        try:
            fields = _passed_back(answer, link.tokens.access_token, url, base, target)
            return await _relayed(request, answer, fields)
        finally:
            answer.close()  # to the pool, if it was read to its end

    async def _sent(
        self, request: web.BaseRequest, url: str, shown: Mapping[str, str], body: PassingBody | None
    ) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                request.method,
                URL(url, encoded=True),
                headers=request_fields(request.headers.items(), shown),
                data=body,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        # Not in the handler: aiohttp's errors hold the headers that were sent.
        raise ApiUnreachable(UNREACHABLE.detail)


def _body_of(request: web.BaseRequest) -> PassingBody | None:
    if not request.body_exists:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return PassingBody(request.content)


def _passed_back(
    answer: aiohttp.ClientResponse, secret: str, url: str, base: str, target: Target
) -> list[tuple[str, str]]:
    prefix = f"/{VERSION}/proxy/{quote(target.provider_id, safe='')}/{quote(target.user_id, safe='')}/"
    fields: list[tuple[str, str]] = []
    for name, value in response_fields(answer.headers.items(), secret):
        if name.lower() not in {"location", "content-location"}:
            fields.append((name, value))
        elif (seen := seen_location(value, url, base, prefix)) is not None:
            fields.append((name, seen))
    return [*fields, ("Proxy-Status", f"extauth; received-status={answer.status}")]


async def _relayed(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, fields: list[tuple[str, str]]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in fields:
        response.headers.add(name, value)
    response.headers.setdefault("Server", "extauth")
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, OSError):
        # What was sent already cannot be taken back: its end must be missed, and not be taken for one.
        if request.transport is not None:
            request.transport.abort()
    return response
