"""An OAuth 2.0 authorization server on real loopback HTTP, to connect users and prove refreshes against.

It judges every token itself, by its own monotonic clock, and counts what is presented to it. The
rotation logic is in :mod:`extauth.testing.provider_model.grants`, the endpoints are the modules beside this
one, and how a provider departs from the standards is in :mod:`extauth.testing.server.quirks`.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, Self, final

from aiohttp import web

from extauth.domain.link import Account
from extauth.domain.token_set import TokenSet
from extauth.testing.provider_model.families import Terms
from extauth.testing.provider_model.faults import Fault, Faults
from extauth.testing.provider_model.redemption import LiveAccess
from extauth.testing.provider_model.reuse import Reuse
from extauth.testing.server.books import grants_for
from extauth.testing.server.browser import Callback, browse
from extauth.testing.server.clients import Client, Clients, PublicKey
from extauth.testing.server.codes import DeviceCode
from extauth.testing.server.consent import Consent
from extauth.testing.server.quirks import STANDARD, ServerQuirks
from extauth.testing.server.routes import application
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_endpoint import TokenEndpoint
from extauth.testing.server.urls import ServerUrls

SHUTDOWN_TIMEOUT = 1.0
"""Seconds that requests in flight get when the server closes."""

REDIRECT_URI = "https://app.example/callback"
"""Registered unless the test says otherwise. Nothing listens there, and nothing needs to."""


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@final
class AuthorizationServer(ServerUrls):
    """A server on 127.0.0.1 while it is entered, on ``port`` or one of the operating system's choice.

    ``/authorize`` answers as :attr:`consent` says, at once (RFC 6749 section 4.1); :meth:`visit` plays
    the browser. ``/device``, where a person types a device's code in (RFC 8628 section 3.3), answers as it
    says, too. ``/token`` gives tokens for codes, refresh tokens and devices, for one
    resource or all (RFC 8707). ``/revoke`` revokes (RFC 7009), ``/introspect`` tells about tokens
    (RFC 7662), ``/register`` registers clients (RFC 7591), ``/userinfo`` and ID tokens say who it is
    (OpenID Connect), and ``/resource`` is an API that accepts live access tokens (RFC 6750). Its
    metadata are where RFC 8414, RFC 9728 and OpenID Connect Discovery have them. Grants also come from
    :meth:`new_grant`, without a browser.

    ``quirks`` are what a provider does in its own way; without them the server follows the standards.
    Reused refresh tokens are treated as ``reuse`` says (see :data:`~..provider_model.reuse.Reuse`);
    ``replay_window`` is for the habits with one. With ``refresh_revokes_access_token`` a refresh
    kills the access token before it. Requests to ``/token`` fail as ``faults`` say.

    ``access_token_lifetime`` is in whole seconds, as on the wire. ``answer_delay`` is awaited before
    each answer of the token endpoint: ``after`` processing (the rotation happens at once, the client
    learns of it late) or ``before``. ``monotonic`` gives seconds and ``pause`` awaits the delays;
    a test that replaces them lets tokens expire without waiting, or holds an answer up. ``now`` is what
    instants on the wire are reckoned from.

    ``redirect_uris`` are registered, each exactly as it is. ``client_key`` is the public key that the
    client's JWTs are verified with, as PEM or JWK. ID tokens and JWTs need joserfc.

    :raises ValueError: if the lifetime is not a positive number of whole seconds, the delay is
        negative, or the faults include ``Fault.NOT_SENT``.
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
        now: Callable[[], datetime] = _wall_clock,
        quirks: ServerQuirks = STANDARD,
        redirect_uris: Iterable[str] = (REDIRECT_URI,),
        client_key: PublicKey | None = None,
        port: int = 0,
    ) -> None:
        if answer_delay < timedelta(0):
            msg = f"answer_delay must not be negative, not {answer_delay}"
            raise ValueError(msg)
        if delayed not in {"before", "after"}:
            msg = f"delayed must be before or after, not {delayed!r}"
            raise ValueError(msg)
        if isinstance(redirect_uris, str):
            msg = "redirect_uris must be a collection of URIs, not one str: write redirect_uris=[...]"
            raise TypeError(msg)
        self.faults = Faults() if faults is None else faults
        if self.faults.possible(Fault.NOT_SENT):
            msg = "a server that was reached cannot play Fault.NOT_SENT; use a ScriptedProvider"
            raise ValueError(msg)
        self.grants = grants_for(
            quirks,
            access_token_lifetime=access_token_lifetime,
            reuse=reuse,
            replay_window=replay_window,
            refresh_revokes_access_token=refresh_revokes_access_token,
            state=lambda: self._state,
        )
        """The grants and the counters: what the server knows to be true."""
        self.presented: list[str] = []
        """Every refresh token presented, in order, whatever came of it."""
        own = Client(
            f"client-{secrets.token_hex(8)}", secrets.token_urlsafe(16), set(redirect_uris), key=client_key
        )
        self._state = ServerState(quirks, self.grants, Clients(own), monotonic, now)
        self._token = TokenEndpoint(
            self._state,
            self.faults,
            self.presented,
            answer_delay=answer_delay.total_seconds(),
            delayed=delayed,
            pause=pause,
        )
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = application(self._state, self._token)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port, *_ = runner.addresses[0]
        self._state.listens_at = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._state.listens_at = None
        if (runner := self._runner) is not None:
            self._runner = None
            await runner.cleanup()

    @property
    def quirks(self) -> ServerQuirks:
        """What the server does in its own way."""
        return self._state.quirks

    @property
    def client_id(self) -> str:
        """The id of the server's own client."""
        return self._state.clients.own.id

    @client_id.setter
    def client_id(self, value: str) -> None:
        self._state.clients.own.id = value

    @property
    def client_secret(self) -> str:
        """The secret of the server's own client."""
        return self._state.clients.own.secret or ""

    @client_secret.setter
    def client_secret(self, value: str) -> None:
        self._state.clients.own.secret = value

    @property
    def redirect_uris(self) -> set[str]:
        """What the server's own client registered; may be changed."""
        return self._state.clients.own.redirect_uris

    @property
    def consent(self) -> Consent:
        """What people answer to the consent page; may be changed."""
        return self._state.consent

    @consent.setter
    def consent(self, value: Consent) -> None:
        self._state.consent = value

    @property
    def codes_reused(self) -> int:
        """How often an authorization code was presented that had given tokens before."""
        return self._state.codes.reused

    @property
    def device_polls(self) -> list[str | None]:
        """What each poll of a device was answered, in order; None: the tokens."""
        return [*self._state.devices.polls]

    def new_grant(
        self,
        subject: str = "someone",
        *,
        account: Account | None = None,
        scopes: Iterable[str] = (),
    ) -> TokenSet:
        """Return the first tokens of a new grant, as if ``subject`` had just authorized the client.

        With ``account`` it is that account, whose id is then the subject.
        """
        known = self._state.accounts.remember(account or subject)
        issued_at = self._state.now()
        now = self._state.monotonic()
        terms = Terms(
            self._state.clients.own,
            frozenset(scopes),
            self.quirks.refresh_tokens,
            min(self.redirect_uris, default=None),
        )
        pair = self.grants.grant(known.id, now, terms)
        left = pair.expires_at - now
        return TokenSet(
            pair.access_token,
            pair.refresh_token if terms.offline else None,
            expires_at=None if math.isinf(left) else issued_at + timedelta(seconds=left),
            scopes=terms.scopes,
            issued_at=issued_at,
        )

    def accepts(self, access_token: str) -> bool:
        """Whether ``/resource`` would answer 200 to ``access_token`` now, if it is for that resource."""
        return isinstance(self.grants.access(access_token, self._state.monotonic()), LiveAccess)

    async def visit(self, url: str, consent: Consent | None = None) -> Callback:
        """Open an authorization URL as a browser does, and return the request that it leads to.

        That request is not sent. ``consent`` is the person's answer this once; without it,
        :attr:`consent` is.

        :raises VisitRefused: if the server does not send the browser back, because the client or the
            redirect URI is unknown.
        :raises ValueError: if the URL is not of this server.
        """
        if not url.startswith(f"{self.authorize_url}?"):
            msg = "the URL is not of this server's authorization endpoint"
            raise ValueError(msg)
        ticket = secrets.token_urlsafe(8)
        if consent is not None:
            self._state.consents[ticket] = consent
        try:
            return await browse(url, ticket)
        finally:
            self._state.consents.pop(ticket, None)

    def approve_device(
        self, user_code: str, account: Account | str = "someone", *, scopes: Iterable[str] | None = None
    ) -> None:
        """Type a device's code and say yes, to all scopes or to those of ``scopes`` only.

        :raises LookupError: if no device shows this code.
        """
        device = self._shown(user_code)
        device.granted = None if scopes is None else frozenset(scopes)
        device.answer = self._state.accounts.remember(account)

    def deny_device(self, user_code: str) -> None:
        """Type a device's code and say no.

        :raises LookupError: if no device shows this code.
        """
        self._shown(user_code).answer = "denied"

    def limit_api(self, calls: int = 1) -> None:
        """Let the next API calls be one too many: they are answered with rate-limit headers."""
        self._state.rate_limited_calls = calls

    def _shown(self, user_code: str) -> DeviceCode:
        if (device := self._state.devices.shown(user_code)) is None:
            msg = "no device shows this code"
            raise LookupError(msg)
        return device
