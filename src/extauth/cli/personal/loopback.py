"""A server on this machine that a browser comes back to, for one authorization (RFC 8252 section 7.3).

Anybody on the machine can send requests to it, and any page that the browser shows can make it do so. So it
takes one answer, with the state of this authorization, from the browser that began it.
"""

from __future__ import annotations

import asyncio
import html
import logging
import secrets
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, final
from urllib.parse import urlsplit

from extauth.cli.personal.redirects import LoopbackRedirect, Visit
from extauth.domain.errors import ConfigurationError
from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from aiohttp import web

_UNHEARD: Final = logging.Logger("extauth.cli.loopback", logging.CRITICAL + 1)  # noqa: LOG001 - nobody else is to have it
"""Of the HTTP server's, which quotes what it cannot read, codes included."""
_COOKIE: Final = "extauth_connect"
_SHOWN_WITHIN: Final = 3.0
"""Seconds that the browser has to show the last page."""
_DONE: Final = "/done"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>extauth</title>
<style>body {{ font: 1.1rem sans-serif; margin: 20vh auto; max-width: 30rem; text-align: center }}</style>
<h1>{title}</h1>
<p>{text}</p>
</html>
"""


@final
class LoopbackServer:
    """Waits for one answer, while it is entered.

    :raises ConfigurationError: on entering, if the port is taken.
    """

    def __init__(self, redirect: LoopbackRedirect) -> None:
        self._redirect = redirect
        self._visit: Visit | None = None
        self._url = ""
        self._begun = False
        self._callback: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._told: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        self._shown = asyncio.Event()
        self._runner: web.ServerRunner | None = None
        self.redirect_uri = ""
        """What to register the authorization with; known once it is entered."""

    async def __aenter__(self) -> Self:
        runner = web.ServerRunner(
            web.Server(self._handle, access_log=None, logger=_UNHEARD), shutdown_timeout=1.0
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._redirect.address, self._redirect.port).start()
        except OSError as error:
            await runner.cleanup()
            msg = f"port {self._redirect.port} of {self._redirect.address} cannot be had: {error.strerror}"
            raise ConfigurationError(msg) from None
        self._runner = runner
        self.redirect_uri = self._redirect.at(runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._told.done():
            with suppress(TimeoutError):  # the browser was closed
                async with asyncio.timeout(_SHOWN_WITHIN):
                    await self._shown.wait()
        assert self._runner is not None, "it was entered"  # noqa: S101
        await self._runner.cleanup()

    def begin(self, authorization_url: str) -> str:
        """Return the address to open, which leads one browser to the authorization URL."""
        ticket, cookie = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._url = authorization_url
        self._visit = Visit.of(authorization_url, self.redirect_uri, ticket=ticket, cookie=cookie)
        return f"http://{urlsplit(self.redirect_uri).netloc}/{ticket}"

    async def callback(self) -> str:
        """Wait for the answer, and return the whole URL that was called. Tell the browser what came of it."""
        return await self._callback

    def tell(self, title: str, text: str) -> None:
        """Say to the browser what came of its answer."""
        if not self._told.done():
            self._told.set_result((title, text))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = self._visit
        if (
            visit is None
            or request.method != "GET"
            or not visit.is_addressed(request.headers.get("Host", ""))
        ):
            return _page("Not here", "This address is for one sign-in, and this is no part of it.", 404)
        if visit.begins(request.path):
            return self._begin(request, visit)
        if visit.answers(request.path, request.query.getall("state", [])):
            return await self._answered(request, visit)
        if request.path == _DONE and self._told.done():
            response = _page(*self._told.result())
            asyncio.get_running_loop().call_soon(self._shown.set)
            return response
        return _page("Not here", "This address is for one sign-in, and this is no part of it.", 404)

    def _begin(self, request: web.BaseRequest, visit: Visit) -> web.Response:
        if self._begun and not visit.is_of(request.cookies.get(_COOKIE)):
            return _page("Opened before", "This address was opened in another browser. Begin again.", 403)
        self._begun = True
        # Not the authorization URL itself: whoever sees a browser's command line would have its state.
        response = web.Response(status=302, headers={**_HEADERS, "Location": self._url})
        response.set_cookie(_COOKIE, visit.cookie, httponly=True, samesite="Lax", path="/")
        return response

    async def _answered(self, request: web.BaseRequest, visit: Visit) -> web.Response:
        if not visit.is_of(request.cookies.get(_COOKIE)):
            return _page("Another browser", "This sign-in was begun in another browser.", 403)
        if not self._callback.done():
            self._callback.set_result(f"{self.redirect_uri}?{request.rel_url.raw_query_string}")
        await asyncio.shield(self._told)
        # A redirect, so that the code does not stay in the address bar and the history.
        response = web.Response(status=303, headers={**_HEADERS, "Location": _DONE})
        response.del_cookie(_COOKIE, path="/")
        return response


def _page(title: str, text: str, status: int = 200) -> web.Response:
    body = _PAGE.format(title=html.escape(title), text=html.escape(text))
    return web.Response(status=status, text=body, content_type="text/html", headers=_HEADERS)
