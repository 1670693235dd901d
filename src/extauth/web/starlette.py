"""The routes for Starlette, and so for FastAPI."""

from __future__ import annotations

from typing import Final

from extauth.extras import extra_needed
from extauth.web.mounted import Mounted
from extauth.web.request import LONGEST_BODY, WebRequest
from extauth.web.response import WebResponse

with extra_needed("starlette"):
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute, Route
    from starlette.types import Receive, Scope, Send

__all__ = ["routes"]

_PROVIDER: Final = "provider"


def routes(pages: Mounted, *, prefix: str | None = None) -> list[BaseRoute]:
    """Return the routes of the accounts, or of an operator's page:
    ``Starlette(routes=routes(accounts))``, or with FastAPI
    ``app.router.routes.extend(routes(accounts))``.

    ``prefix`` is the path below which the application sees them, where that is another than browsers see:
    behind a proxy that cuts it off, or in ``Mount("/accounts", routes=routes(accounts, prefix=""))``.

    :raises ModuleNotFoundError: on import, if Starlette is not installed; it names the extra.
    """
    start = pages.prefix if prefix is None else prefix.rstrip("/")
    paths = {f"{start}/": "", **{f"{start}/{name}": name for name in pages.paths}}
    if start:
        paths[start] = ""
    below = {f"{start}/{name}{{{_PROVIDER}:path}}": name for name in pages.parents}
    return [Route(path, _Endpoint(pages, name)) for path, name in {**paths, **below}.items()]


class _Endpoint:
    """An ASGI application, and no function, so that it gets all methods: the core says which are taken."""

    def __init__(self, pages: Mounted, name: str) -> None:
        self._pages = pages
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        headers: dict[str, str] = {}
        # In one go: Starlette looks through all of them for each.
        for name, value in request.headers.items():
            headers.setdefault(name, value)
        if "cookie" in headers:  # HTTP/2 may send each of them by itself
            headers["cookie"] = "; ".join(request.headers.getlist("cookie"))
        asked = WebRequest(
            method=request.method,
            path=f"{self._name}{request.path_params.get(_PROVIDER, '')}",
            query=request.url.query,
            headers=headers,
            body=await _body(request) if request.method == "POST" else b"",
            native=request,
        )
        await _response(await self._pages.respond(asked))(scope, receive, send)


async def _body(request: Request) -> bytes:
    """Return the body, or as much of it as shows that it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            break
    return body


def _response(made: WebResponse) -> Response:
    response = Response(made.body, made.status)
    length = [each for each in response.raw_headers if each[0] == b"content-length"]
    own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in made.headers]
    response.raw_headers = [*own, *length]
    return response
