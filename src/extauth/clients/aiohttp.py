"""aiohttp's client: a middleware that shows a user's access token to a provider's API."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final, final

from extauth.auth import Auth
from extauth.clients.access import Headers, Shown, User, UserAccess
from extauth.clients.refusals import REFUSALS, is_refused
from extauth.domain.errors import InsufficientScope
from extauth.domain.wrong_types import UrlObject
from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from aiohttp import ClientError, ClientHandlerType, ClientRequest, ClientResponse, hdrs

    from extauth.clients.aiohttp_bodies import can_be_sent_again
    from extauth.clients.aiohttp_hops import CallOrigins, origin_of

__all__ = ["TokenMiddleware"]

_LITTLE: Final = 64 * 1024
"""How much of a refusal is read, so that its connection can serve the next request."""


@final
class TokenMiddleware:
    """Shows a user's access token to a provider's API in each request of an ``aiohttp.ClientSession``, or of
    one call of it: ``middlewares=[TokenMiddleware(auth, "github_app", user)]``.

    ``user`` is an id, or the context variable in which the application keeps that of the user it serves: it
    is read at each call, in the caller's own context. The link is read at each call, too, so that the token
    works.

    Tokens go to ``origins`` alone, such as ``https://api.example.com``, or where the provider's
    :class:`~extauth.adapters.oauth2.ApiRules` say that its API is: https, and http on loopback. A request to
    anywhere else goes as it is. Nor does a token follow a redirect to another origin, whichever it is; one
    within the origin keeps it. It takes the place of an ``Authorization`` that the request had.

    The headers are those of the provider's API, or ``headers`` makes them of the link's tokens. With
    ``resource`` the token is for that resource (RFC 8707), and ``valid_for`` is as in
    :meth:`extauth.Auth.access_token`.

    If the API answers 401, the token is refreshed once for all who were refused it, and the request is sent
    once more, if its body is the same then: empty, text, bytes, a file that can be rewound, a form of these.
    Otherwise the 401 is the answer, and the next call has the new token. A 403 never causes a refresh. Bodies
    of answers are not read; timeouts, connections and cancellation are the session's.

    A call raises what :meth:`extauth.Auth.access_token` and :meth:`extauth.Auth.refresh` raise, and
    :class:`~extauth.InsufficientScope` where the API says so (RFC 6750 section 3.1).

    :raises UnknownProvider: if ``auth`` has no such provider.
    :raises ValueError: for no origins where the provider does not say its own, or for what is none.
    :raises TypeError: for a user that is neither text nor a context variable.
    """

    def __init__(
        self,
        auth: Auth,
        provider_id: str,
        user: User,
        *,
        origins: Iterable[str | UrlObject] | None = None,
        headers: Headers | None = None,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> None:
        self._access = UserAccess(
            auth, provider_id, user, origins=origins, headers=headers, resource=resource, valid_for=valid_for
        )
        self._calls = CallOrigins()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send one request; aiohttp calls this for each hop of a redirect."""
        here = origin_of(request)
        began = self._calls.of(request, here)
        if here == began and here in self._access.origins:
            shown = self._access.at_once() or await self._access.shown()
            request.headers.update(shown.headers)
            response = await handler(request)
            if response.status in REFUSALS:
                response = await self._refused(request, handler, response, shown)
        else:
            response = await handler(request)
        self._calls.note(request, response, began, here)
        return response

    async def _refused(
        self, request: ClientRequest, handler: ClientHandlerType, response: ClientResponse, shown: Shown
    ) -> ClientResponse:
        if not await _refuses(response, shown) or self._access.in_vain(shown):
            return response
        again = can_be_sent_again(request.body)
        if again:
            await _finish(response)  # first, since a refresh may need the connection
        try:
            renewed = await self._access.renewed(shown)
        except BaseException:
            response.close()
            raise
        if not again:
            return response
        await request.close()  # what still writes the body moves the same file
        for name in shown.headers:
            request.headers.popall(name, None)
        request.headers.update(renewed.headers)
        response = await handler(request)
        if response.status in REFUSALS and await _refuses(response, renewed):
            self._access.refused_again(renewed)
        return response


async def _refuses(response: ClientResponse, shown: Shown) -> bool:
    try:
        challenges = ", ".join(response.headers.getall(hdrs.WWW_AUTHENTICATE, ()))
        return is_refused(response.status, challenges, shown.link.key, shown.link.tokens)
    except InsufficientScope:
        await _finish(response)
        raise


async def _finish(response: ClientResponse) -> None:
    """Give the connection back; it can be used again where little is left to read."""
    if (response.content_length or 0) <= _LITTLE and response.content_length is not None:
        with suppress(ClientError):
            await response.read()
    response.release()
