"""The routes for aiohttp.web."""

from __future__ import annotations

from extauth.extras import extra_needed
from extauth.web.mounted import Mounted
from extauth.web.request import WebRequest
from extauth.web.response import WebResponse

with extra_needed("aiohttp"):
    from aiohttp import web
    from multidict import CIMultiDict

__all__ = ["routes"]


def routes(pages: Mounted, *, prefix: str | None = None) -> list[web.RouteDef]:
    """Return the routes of the accounts, or of an operator's page: ``app.add_routes(routes(accounts))``.

    ``prefix`` is the path below which the application sees them, where that is another than browsers see:
    behind a proxy that cuts it off, or in an application of its own (``prefix=""`` with ``add_subapp``).

    :raises ModuleNotFoundError: on import, if aiohttp is not installed; it names the extra.
    """
    start = pages.prefix if prefix is None else prefix.rstrip("/")

    def at(path: str, name: str) -> list[web.RouteDef]:
        async def respond(request: web.Request) -> web.Response:
            provider_id = request.match_info.get("provider", "")
            asked = WebRequest(
                method=request.method,
                path=f"{name}{provider_id}",
                query=request.rel_url.raw_query_string,
                headers=_headers(request),
                body=await request.read() if request.method == "POST" else b"",
                native=request,
            )
            return _response(await pages.respond(asked))

        # Whatever the method: which are taken is said in one place.
        return [web.route("*", f"{start}{path}", respond)]

    home = at("/", "") if start == "" else [*at("", ""), *at("/", "")]
    beside = [each for name in pages.paths for each in at(f"/{name}", name)]
    below = [each for name in pages.parents for each in at(f"/{name}{{provider:.+}}", name)]
    return [*home, *beside, *below]


def _headers(request: web.Request) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        found.setdefault(name.lower(), []).append(value)
    return {name: ("; " if name == "cookie" else ", ").join(values) for name, values in found.items()}


def _response(made: WebResponse) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict(made.headers)
    return web.Response(status=made.status, headers=headers, body=made.body.encode())
