"""An OAuth 2.0 authorization server on real loopback HTTP, to prove refreshes against.

It judges every token itself, by its own monotonic clock, and counts what is presented to it. The
rotation logic is in :mod:`extauth.testing.grants`; here is only HTTP.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Literal, Self, final
from urllib.parse import unquote_plus

from aiohttp import web

from extauth.domain.link import TokenSet
from extauth.testing.grants import ExpiredAccess, Grants, IssuedTokens, LiveAccess
from extauth.testing.reuse import Reuse

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""On every answer of the token endpoint (RFC 6749 section 5.1)."""

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that requests in flight get when the server closes."""


@final
class AuthorizationServer:
    """A server on 127.0.0.1, on a port of the operating system's choice, while it is entered.

    ``/token`` refreshes (RFC 6749 section 6), ``/revoke`` revokes (RFC 7009), and ``/resource`` is an
    API that accepts live access tokens (RFC 6750). The client authenticates with HTTP Basic or in the
    body. Grants come from :meth:`new_grant`, without a browser.

    ``access_token_lifetime`` is in whole seconds, as on the wire. ``answer_delay`` is awaited before
    each answer of the token endpoint: ``after`` processing (the rotation happens at once, the client
    learns of it late) or ``before``. ``monotonic`` gives seconds and ``pause`` awaits
    the delay; a test that replaces them lets tokens expire without waiting, or holds an answer up.

    :raises ValueError: if the lifetime is not a positive number of whole seconds, or the delay is
        negative.
    """

    def __init__(
        self,
        *,
        access_token_lifetime: timedelta = timedelta(hours=1),
        answer_delay: timedelta = timedelta(0),
        delayed: Literal["before", "after"] = "after",
        reuse: Reuse = "strict",
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if access_token_lifetime < timedelta(seconds=1) or access_token_lifetime % timedelta(seconds=1):
            msg = f"access_token_lifetime must be whole seconds, at least one, not {access_token_lifetime}"
            raise ValueError(msg)
        if answer_delay < timedelta(0):
            msg = f"answer_delay must not be negative, not {answer_delay}"
            raise ValueError(msg)
        self.grants = Grants(access_token_lifetime=access_token_lifetime.total_seconds(), reuse=reuse)
        """The grants and the counters: what the server knows to be true."""
        self.client_id = "extauth-test-client"
        self.client_secret = secrets.token_urlsafe(16)
        self._lifetime = access_token_lifetime
        self._answer_delay = answer_delay.total_seconds()
        self._delayed = delayed
        self._monotonic = monotonic
        self._pause = pause
        self._url: str | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_post("/revoke", self._revoke)
        app.router.add_get("/resource", self._resource)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port, *_ = runner.addresses[0]
        self._url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._url = None
        if (runner := self._runner) is not None:
            self._runner = None
            await runner.cleanup()

    @property
    def url(self) -> str:
        """Where the server listens, without a path.

        :raises RuntimeError: if it does not.
        """
        if self._url is None:
            msg = "the AuthorizationServer listens only inside `async with`"
            raise RuntimeError(msg)
        return self._url

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/token"

    @property
    def revoke_url(self) -> str:
        """The revocation endpoint."""
        return f"{self.url}/revoke"

    @property
    def resource_url(self) -> str:
        """The API that accepts live access tokens."""
        return f"{self.url}/resource"

    def new_grant(self, subject: str = "someone") -> TokenSet:
        """Return the first tokens of a new grant, as if ``subject`` had just authorized the client."""
        issued_at = datetime.now(UTC)
        pair = self.grants.grant(subject, self._monotonic())
        return TokenSet(
            pair.access_token,
            pair.refresh_token,
            expires_at=issued_at + self._lifetime,
            issued_at=issued_at,
        )

    def accepts(self, access_token: str) -> bool:
        """Whether ``/resource`` would answer 200 to ``access_token`` now."""
        return isinstance(self.grants.access(access_token, self._monotonic()), LiveAccess)

    async def _token(self, request: web.Request) -> web.Response:
        if self._delayed == "before":
            await self._pause(self._answer_delay)
        answer = await self._process_token(request)
        if self._delayed == "after":
            await self._pause(self._answer_delay)
        return answer

    async def _process_token(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if form is None:
            return _error("invalid_request")
        if (refused := self._client_error(request, form)) is not None:
            return refused
        grant_type = form.get("grant_type")
        if not grant_type:
            return _error("invalid_request")
        if grant_type != "refresh_token":
            return _error("unsupported_grant_type")
        if not (refresh_token := form.get("refresh_token")):
            return _error("invalid_request")
        pair = self.grants.redeem(refresh_token, self._monotonic())
        if not isinstance(pair, IssuedTokens):
            return _error("invalid_grant")
        return web.json_response(
            {
                "access_token": pair.access_token,
                "token_type": "Bearer",
                "expires_in": int(self._lifetime.total_seconds()),
                "refresh_token": pair.refresh_token,
            },
            headers=NO_STORE,
        )

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if form is None:
            return _error("invalid_request")
        if (refused := self._client_error(request, form)) is not None:
            return refused
        if not (token := form.get("token")):
            return _error("invalid_request")
        self.grants.revoke(token)
        return web.Response()

    async def _resource(self, request: web.Request) -> web.Response:
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            return _unauthorized("Bearer", {})
        state = self.grants.access(access_token, self._monotonic())
        if isinstance(state, LiveAccess):
            return web.json_response({"subject": state.subject})
        body: dict[str, object] = {"error": "invalid_token"}
        if isinstance(state, ExpiredAccess):
            body["expired_for"] = state.seconds_ago
        return _unauthorized('Bearer error="invalid_token"', body)

    def _client_error(self, request: web.Request, form: dict[str, str]) -> web.Response | None:
        """Check the client's authentication (RFC 6749 section 2.3.1); None if it is good."""
        in_body = "client_secret" in form
        header = request.headers.get("Authorization")
        if header is not None and in_body:
            return _error("invalid_request")
        if header is not None:
            given = _basic(header)
        elif in_body:
            given = form.get("client_id", ""), form["client_secret"]
        else:
            given = None
        expected = self.client_id, self.client_secret
        if given is not None and all(map(_same, given, expected)):
            return None
        return _unauthorized('Basic realm="extauth"', {"error": "invalid_client"})


async def _form(request: web.Request) -> dict[str, str] | None:
    """Return the parameters, without empty ones; None if one is repeated (RFC 6749 section 3.2)."""
    if request.content_type != "application/x-www-form-urlencoded":
        return None
    form: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if name in form or not isinstance(value, str):
            return None
        form[name] = value
    return {name: value for name, value in form.items() if value}


def _basic(header: str) -> tuple[str, str] | None:
    """Return client id and secret from a Basic header, in which both are form-encoded."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _error(code: str) -> web.Response:
    """Return an error answer (RFC 6749 section 5.2)."""
    return web.json_response({"error": code}, status=HTTPStatus.BAD_REQUEST, headers=NO_STORE)


def _unauthorized(challenge: str, body: dict[str, object]) -> web.Response:
    headers = {**NO_STORE, "WWW-Authenticate": challenge}
    return web.json_response(body, status=HTTPStatus.UNAUTHORIZED, headers=headers)
