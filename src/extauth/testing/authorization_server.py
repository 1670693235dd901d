"""An OAuth 2.0 authorization server on real loopback HTTP, to prove refreshes against.

It judges every token itself, by its own monotonic clock, and counts what is presented to it. The
rotation logic is in :mod:`extauth.testing.grants`; here is only HTTP.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, Self, final

from aiohttp import web

from extauth.domain.token_set import TokenSet
from extauth.testing.faults import BROKEN_OFF, KEEPING, Fault, Faults
from extauth.testing.grants import ExpiredAccess, Grants, IssuedTokens, LiveAccess
from extauth.testing.reuse import Reuse
from extauth.testing.token_reply import broken_off, error, processed, unauthorized, unprocessed, wrong_client
from extauth.testing.token_request import authenticates, read_form

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that requests in flight get when the server closes."""


@final
class AuthorizationServer:
    """A server on 127.0.0.1, on a port of the operating system's choice, while it is entered.

    ``/token`` refreshes (RFC 6749 section 6), ``/revoke`` revokes (RFC 7009), and ``/resource`` is an
    API that accepts live access tokens (RFC 6750). The client authenticates with HTTP Basic or in the
    body. Grants come from :meth:`new_grant`, without a browser.

    Reused refresh tokens are treated as ``reuse`` says (see :data:`~extauth.testing.reuse.Reuse`);
    ``replay_window`` is for the habit of that name. With ``refresh_revokes_access_token`` a refresh
    kills the access token before it. Requests to ``/token`` fail as ``faults`` say.

    ``access_token_lifetime`` is in whole seconds, as on the wire. ``answer_delay`` is awaited before
    each answer of the token endpoint: ``after`` processing (the rotation happens at once, the client
    learns of it late) or ``before``. ``monotonic`` gives seconds and ``pause`` awaits the delays;
    a test that replaces them lets tokens expire without waiting, or holds an answer up.

    :raises ValueError: if the lifetime is not a positive number of whole seconds, the delay is
        negative, or the faults include :attr:`Fault.NOT_SENT <extauth.testing.faults.Fault.NOT_SENT>`.
    """

    def __init__(
        self,
        *,
        access_token_lifetime: timedelta = timedelta(hours=1),
        answer_delay: timedelta = timedelta(0),
        delayed: Literal["before", "after"] = "after",
        reuse: Reuse = "strict",
        replay_window: timedelta = timedelta(seconds=30),
        refresh_revokes_access_token: bool = False,
        faults: Faults | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if access_token_lifetime < timedelta(seconds=1) or access_token_lifetime % timedelta(seconds=1):
            msg = f"access_token_lifetime must be whole seconds, at least one, not {access_token_lifetime}"
            raise ValueError(msg)
        if answer_delay < timedelta(0):
            msg = f"answer_delay must not be negative, not {answer_delay}"
            raise ValueError(msg)
        self.faults = Faults() if faults is None else faults
        if self.faults.possible(Fault.NOT_SENT):
            msg = "a server that was reached cannot play Fault.NOT_SENT; use a ScriptedProvider"
            raise ValueError(msg)
        self.grants = Grants(
            access_token_lifetime=access_token_lifetime.total_seconds(),
            reuse=reuse,
            replay_window=replay_window.total_seconds(),
            refresh_revokes_access_token=refresh_revokes_access_token,
        )
        """The grants and the counters: what the server knows to be true."""
        self.presented: list[str] = []
        """Every refresh token presented, in order, whatever came of it."""
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

    async def _token(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.deal()
        if self._delayed == "before":
            await self._pause(self._answer_delay)
        if fault is Fault.DELAYED_BEFORE:
            await self._pause(self.faults.delay.total_seconds())
        answer = await self._process_token(request, fault)
        if self._delayed == "after":
            await self._pause(self._answer_delay)
        if fault is Fault.DELAYED_AFTER:
            await self._pause(self.faults.delay.total_seconds())
        if fault is not None and fault in BROKEN_OFF:
            return await broken_off(request, answer, fault)
        return answer

    async def _process_token(self, request: web.Request, fault: Fault | None) -> web.Response:
        form = await read_form(request)
        if form is None:
            return error("invalid_request")
        if refresh_token := form.get("refresh_token"):
            self.presented.append(refresh_token)
        if (answer := unprocessed(fault, self.faults.retry_after)) is not None:
            return answer
        if (refused := self._client_error(request, form)) is not None:
            return refused
        grant_type = form.get("grant_type")
        if not grant_type:
            return error("invalid_request")
        if grant_type != "refresh_token":
            return error("unsupported_grant_type")
        if not refresh_token:
            return error("invalid_request")
        now = self._monotonic()
        redeem = self.grants.redeem_keeping if fault in KEEPING else self.grants.redeem
        redemption = redeem(refresh_token, now)
        if not isinstance(redemption, IssuedTokens):
            return processed(None, 0, fault)
        if fault in KEEPING and redemption.refresh_token != refresh_token:
            fault = None
        # Rounded first, since the difference of two floats may be a hair below the whole seconds. And
        # 0 would be read as "unknown", which is longer than one second.
        return processed(redemption, max(int(round(redemption.expires_at - now, 3)), 1), fault)

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        if form is None:
            return error("invalid_request")
        if (refused := self._client_error(request, form)) is not None:
            return refused
        if not (token := form.get("token")):
            return error("invalid_request")
        self.grants.revoke(token)
        return web.Response()

    async def _resource(self, request: web.Request) -> web.Response:
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            return unauthorized("Bearer", {})
        state = self.grants.access(access_token, self._monotonic())
        if isinstance(state, LiveAccess):
            return web.json_response({"subject": state.subject})
        body: dict[str, object] = {"error": "invalid_token"}
        if isinstance(state, ExpiredAccess):
            body["expired_for"] = state.seconds_ago
        return unauthorized('Bearer error="invalid_token"', body)

    def _client_error(self, request: web.Request, form: dict[str, str]) -> web.Response | None:
        """Check the client's authentication; None if it is good."""
        header = request.headers.get("Authorization")
        if header is not None and "client_secret" in form:
            return error("invalid_request")
        good = authenticates(header, form, self.client_id, self.client_secret)
        return None if good else wrong_client()
