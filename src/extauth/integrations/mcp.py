"""A session of the MCP Python SDK that acts for one user.

The SDK's own ``OAuthClientProvider`` keeps tokens in a ``TokenStorage`` and refreshes them by itself. Use
neither beside extauth: the storage is read once for each session, is not told how long a token still works,
and has no place for a lease, so that two sessions of one user present the same refresh token.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any, Final, cast, final

from extauth.auth import Auth
from extauth.clients.refusals import is_refused
from extauth.domain.errors import ExtAuthError
from extauth.domain.link import LinkKey
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import UserTokens, bearer, same_origin, token_refused

with extra_needed("mcp"):
    import httpx2
    from mcp import MCPError

__all__ = ["McpHttpClient", "UserAuth"]

FORBIDDEN: Final = 403

_NO_TOKEN: Final = -32_001
"""Of the codes that JSON-RPC 2.0 (section 5.1) leaves to implementations."""
_MOST_KEPT: Final = 100

TIMEOUT: Final = httpx2.Timeout(30, read=300)
"""Seconds, as the SDK's own client has them: a server may hold a stream open."""


@final
class UserAuth(httpx2.Auth):
    """Authenticates requests to one MCP server as one user, for an ``httpx2.AsyncClient``.

    The token is asked for at each request. A 401 is reported, and the request sent once more: however many
    are refused with one token, it is refreshed once. Requests to other servers go without a token.

    What :meth:`extauth.Auth.access_token` raises is raised by the request. In a session of the SDK that
    ends the session, with an ``ExceptionGroup``, for all its calls: :class:`McpHttpClient` has it end the
    one call. A 403 with ``insufficient_scope`` (RFC 6750 section 3.1) raises
    :class:`~extauth.InsufficientScope`.
    """

    def __init__(self, auth: Auth, provider_id: str, user_id: str, *, server_url: str) -> None:
        """Act for ``user_id`` at ``server_url``, for which ``provider_id`` was made.

        :raises ValueError: for ids that cannot be a link's, or what is no URL of http or https.
        :raises TypeError: if ``auth`` is none that is open.
        """
        self._tokens = UserTokens(auth, provider_id, user_id)
        self._server = httpx2.URL(server_url)
        if self._server.scheme not in {"http", "https"} or not self._server.host:
            msg = "server_url must be the URL of the MCP server, as https://mcp.example.com/mcp"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"UserAuth({self._tokens.provider_id!r}, {self._tokens.user_id!r})"

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Refuse: extauth is for asyncio.

        :raises RuntimeError: always.
        """
        msg = "extauth is for asyncio: use an httpx2.AsyncClient"
        raise RuntimeError(msg)

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Put the token in, and another one if that is refused."""
        if not same_origin(request.url, self._server):
            yield request
            return
        await request.aread()  # to send it again
        tokens = await self._tokens.working()
        request.headers.update(bearer(tokens))
        response = yield request
        if token_refused(request.url, response):
            await response.aread()  # which gives its connection back
            other = await self._tokens.instead_of(tokens)
            if other is None:
                return
            request.headers.update(bearer(tokens := other))
            response = yield request
            if token_refused(request.url, response):
                self._tokens.refused_again(tokens)
        if response.status_code == FORBIDDEN:
            key = LinkKey(self._tokens.provider_id, self._tokens.user_id)
            is_refused(FORBIDDEN, response.headers.get("WWW-Authenticate", ""), key, tokens)


@final
class McpHttpClient(httpx2.AsyncClient):
    """The HTTP client of an MCP session that acts for one user.

    Give it to ``mcp.client.streamable_http.streamable_http_client`` as ``http_client``, and close it after
    the session. It has the timeouts that the SDK gives its own.

    A call that gets no token, or not enough scope, is answered here with an error of JSON-RPC: the caller
    gets an ``MCPError``, and the session and its other calls go on. :meth:`link_errors` makes extauth's
    error of it again.
    """

    def __init__(
        self,
        auth: Auth,
        provider_id: str,
        user_id: str,
        *,
        server_url: str,
        timeout: httpx2.Timeout | None = None,
    ) -> None:
        """As :class:`UserAuth`, which it uses."""
        super().__init__(
            auth=UserAuth(auth, provider_id, user_id, server_url=server_url),
            timeout=TIMEOUT if timeout is None else timeout,
        )
        self._told: OrderedDict[str, ExtAuthError] = OrderedDict()
        """The newest errors that were answered, by what stands in the answer."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request, as ``httpx2.AsyncClient`` does; extauth's errors become answers."""
        try:
            return await super().send(request, **options)
        except ExtAuthError as error:
            return self._answer(request, error)

    def link_error(self, error: MCPError) -> ExtAuthError | None:
        """Return what was answered as ``error``; None if that is an error of the MCP server's."""
        match error.data:
            case {"extauth": str(name)}:
                return self._told.get(name)
            case _:
                return None

    @contextmanager
    def link_errors(self) -> Generator[None]:
        """Raise extauth's errors as such, for calls and sessions within this.

        What the SDK raised is ``__cause__``: an ``MCPError``, or where a session could not begin, or its
        ``async with`` was left by the error, a group of them. A group with another error in it stays as it
        is.

        :raises LinkNotFound: the user has not connected this server.
        :raises ReauthorizationRequired: the user must connect again.
        :raises InsufficientScope: the user must grant more.
        :raises TemporarilyUnavailable: try again later; nothing is lost.
        """
        try:
            yield
        except (MCPError, ExceptionGroup) as error:
            told = [self._told_by(leaf) for leaf in _leaves(error)]
            if told[0] is None or None in told:  # something else went wrong, too
                raise
            raise told[0] from error

    def _told_by(self, error: Exception) -> ExtAuthError | None:
        if isinstance(error, ExtAuthError):
            return error
        return self.link_error(error) if isinstance(error, MCPError) else None

    def _answer(self, request: httpx2.Request, error: ExtAuthError) -> httpx2.Response:
        name = uuid.uuid4().hex  # which no server knows, and so no server can say
        self._told[name] = error
        if len(self._told) > _MOST_KEPT:
            self._told.popitem(last=False)
        told = {"code": _NO_TOKEN, "message": str(error), "data": {"extauth": name, "code": error.code}}
        return httpx2.Response(FORBIDDEN, json={"jsonrpc": "2.0", "id": None, "error": told}, request=request)


def _leaves(error: Exception) -> list[Exception]:
    if not isinstance(error, ExceptionGroup):
        return [error]
    group = cast("ExceptionGroup[Exception]", error)
    return [leaf for each in group.exceptions for leaf in _leaves(each)]
