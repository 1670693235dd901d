"""The broker: a service for programs in other languages, or that must not hold tokens."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, final

import attrs
from aiohttp import web

from extauth.auth import Auth
from extauth.broker.callers import Caller, authenticated
from extauth.broker.config import BrokerConfig
from extauth.broker.fields import methods_meant
from extauth.broker.guards import refusal, shown_secret
from extauth.broker.problems import (
    FORBIDDEN,
    INTERNAL,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNREACHABLE,
    Problem,
    problem_of,
)
from extauth.broker.proxy import ApiUnreachable, Forwarder, api_session
from extauth.broker.targets import BadTarget, Target, read_target
from extauth.broker.tokens import TokenEndpoint
from extauth.domain.acting import acting_as
from extauth.domain.actors import Service
from extauth.domain.errors import ConfigurationError, ExtAuthError

_log = logging.getLogger(__name__)

_UNHEARD: Final = logging.Logger("extauth.broker.http", logging.CRITICAL + 1)  # noqa: LOG001 - nobody else is to have it
"""Of the HTTP server's, which quotes what it cannot read, secrets included."""

HEALTH: Final = "/v1/health"
_CREDENTIALS: Final = struct.Struct("3i")


@final
@attrs.frozen
class _Seen:
    """A request that is looked at, and by whom it was sent."""

    target: Target
    caller: Caller


@final
class Broker:
    """Answers callers on sockets that it is given; :func:`open_broker` makes it."""

    def __init__(self, auth: Auth, config: BrokerConfig, forwarder: Forwarder, grace: float) -> None:
        self._auth = auth
        self._config = config
        self._forwarder = forwarder
        self._tokens = TokenEndpoint(auth)
        self._grace = grace
        self._runners: list[web.ServerRunner] = []

    async def listen(self, listening: socket.socket, *, hosts: frozenset[str] | None) -> None:
        """Answer on a socket that is bound, until it is closed. ``hosts`` is what ``Host`` may be; None: any,
        for a Unix socket, which no browser reaches."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(request, hosts)

        server = web.Server(
            handle,
            handler_cancellation=True,  # a caller that goes away ends what was sent for it
            access_log=None,  # targets hold what is nobody else's
            logger=_UNHEARD,
            auto_decompress=False,
        )
        runner = web.ServerRunner(server, shutdown_timeout=self._grace)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, listening).start()

    async def aclose(self) -> None:
        """Take no more requests, and wait for those under way, but no longer than ``grace``."""
        cleanups = [asyncio.ensure_future(runner.cleanup()) for runner in self._runners]
        await self._forwarder.aclose()
        await asyncio.gather(*cleanups)

    async def _handle(self, request: web.BaseRequest, hosts: frozenset[str] | None) -> web.StreamResponse:
        began = time.monotonic()
        seen = self._looked_at(request, hosts)
        if seen is None:
            return await self._health()
        answer = await self._answered(request, seen) if isinstance(seen, _Seen) else seen
        if isinstance(answer, Problem):
            answer = await _told(request, answer)
        if isinstance(seen, _Seen):
            _log.info(
                "%s %s %s for %s: %d in %.0f ms",
                request.method,
                seen.target.right,
                seen.target.provider_id,
                seen.caller.name,
                answer.status,
                (time.monotonic() - began) * 1000,
            )
        return answer

    def _looked_at(self, request: web.BaseRequest, hosts: frozenset[str] | None) -> _Seen | Problem | None:
        """Return what is asked for and by whom, or why it is not answered; None for the probe."""
        if (refused := refusal(request.method, request.headers, hosts)) is not None:
            return refused
        if request.raw_path == HEALTH and request.method == "GET":
            return None
        caller = authenticated(self._config.callers, shown_secret(request.headers), _peer(request))
        if caller is None:
            return UNAUTHENTICATED
        try:
            target = read_target(request.raw_path)
        except BadTarget as error:
            return Problem(400, "invalid_request", str(error))
        if target is None:
            return NOT_FOUND
        methods = methods_meant(request.method, request.headers.items())
        if not all(caller.may(target.right, target.provider_id, target.user_id, each) for each in methods):
            return FORBIDDEN
        return _Seen(target, caller)

    async def _health(self) -> web.Response:
        ready = await self._auth.ready()
        return web.Response(status=200 if ready.ready else 503, headers={"Cache-Control": "no-store"})

    async def _answered(self, request: web.BaseRequest, seen: _Seen) -> web.StreamResponse | Problem:
        handler = self._tokens.handle if seen.target.right == "token" else self._forwarder.forward
        try:
            with acting_as(Service(f"broker:{seen.caller.name}")):
                return await handler(request, seen.target)
        except ApiUnreachable:
            return UNREACHABLE
        except ConnectionError:
            return INTERNAL  # the caller has gone away, and nobody is told
        except ExtAuthError as error:
            if isinstance(error, ConfigurationError):
                _log.error("%s: %s", error.code, error)
            return problem_of(error)
        except ValueError:
            return Problem(400, "invalid_request", "an id or the resource cannot be one")
        except Exception as error:  # noqa: BLE001 - told without what it may quote
            _log.error("a mistake in extauth: %s", type(error).__name__)
            return INTERNAL


@asynccontextmanager
async def open_broker(
    auth: Auth, config: BrokerConfig, *, grace: float = 30.0
) -> AsyncGenerator[Broker, None]:
    """Make a broker that answers with the links of ``auth``; :meth:`Broker.listen` gives it sockets.

    Leaving it takes no more requests and waits up to ``grace`` seconds for those under way; what ``auth`` has
    under way is for whoever opened that to finish.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(api_session())
        broker = Broker(auth, config, Forwarder(auth, config.apis, session), grace)
        try:
            yield broker
        finally:
            await broker.aclose()


async def _told(request: web.BaseRequest, problem: Problem) -> web.StreamResponse:
    response = web.Response(status=problem.status, body=problem.body().encode(), headers=problem.headers())
    if request.body_exists and not request.content.at_eof():
        response.force_close()  # a body that nobody has read would be taken for the next request
    return response


def _peer(request: web.BaseRequest) -> int | None:
    """Return the user at the other end of a Unix socket, where the system tells (Linux)."""
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(told)[1]
    return uid
