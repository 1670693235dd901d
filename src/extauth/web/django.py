"""The routes for Django, as async views. They need Django under ASGI: one event loop, as ``Auth`` does."""

# Django has no types of its own.
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, TypeAlias, final

from extauth.auth import Auth
from extauth.extras import extra_needed
from extauth.web.mounted import Mounted
from extauth.web.request import FormField, WebRequest
from extauth.web.response import WebResponse

with extra_needed("django"):
    from django.http import HttpRequest, HttpResponse
    from django.http.request import RawPostDataException
    from django.middleware.csrf import get_token
    from django.urls import URLPattern, URLResolver, path
    from django.views.decorators.csrf import csrf_exempt

__all__ = ["Opened", "auth_of", "urls"]

_Scope: TypeAlias = MutableMapping[str, Any]
_Application: TypeAlias = Callable[..., Awaitable[None]]

_AUTH: Final = "extauth.auth"
_CALLBACK: Final = "callback/"
_DJANGOS_TOKEN: Final = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field


def urls(pages: Mounted) -> list[URLPattern | URLResolver]:
    """Return the patterns of the accounts, or of an operator's page:
    ``path("accounts/", include(urls(accounts)))``, where ``public_url`` ends in ``/accounts``.

    Forms have Django's token, too, and its middleware checks it; but for the callback, which a provider may
    post to.

    :raises ModuleNotFoundError: on import, if Django is not installed; it names the extra.
    """

    def at(name: str) -> Any:
        async def view(request: HttpRequest, provider_id: str = "") -> HttpResponse:
            method = str(request.method)
            asked = WebRequest(
                method=method,
                path=f"{name}{provider_id}",
                query=request.META.get("QUERY_STRING", ""),
                headers={key.lower(): value for key, value in request.headers.items()},
                body=_body(request) if method == "POST" else b"",
                native=request,
                form_fields=lambda: [FormField(_DJANGOS_TOKEN, get_token(request))],
            )
            return _response(await pages.respond(asked))

        return csrf_exempt(view) if name == _CALLBACK else view

    home = [path(name, at(name)) for name in ("", *pages.paths)]
    return [*home, *(path(f"{name}<path:provider_id>", at(name)) for name in pages.parents)]


@final
class Opened:
    """An ASGI application around Django's, which opens extauth when the server starts and closes it at its
    end::

        application = Opened(get_asgi_application(), lambda: extauth.open(URL, PROVIDERS))

    :func:`auth_of` finds what it opened. The server must run the lifespan protocol of ASGI, as uvicorn,
    hypercorn and granian do.
    """

    def __init__(
        self, application: _Application, opening: Callable[[], AbstractAsyncContextManager[Auth]]
    ) -> None:
        self._application = application
        self._opening = opening
        self._auth: Auth | None = None
        """Set by the lifespan, as long as it lasts."""

    async def __call__(
        self, scope: _Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve a connection, or the lifespan, which Django itself does not know."""
        if scope["type"] != "lifespan":
            await self._application({**scope, _AUTH: self._auth}, receive, send)
            return
        await receive()
        async with AsyncExitStack() as opened:
            try:
                self._auth = await opened.enter_async_context(self._opening())
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._auth = None
        await send({"type": "lifespan.shutdown.complete"})


def auth_of(request: Any) -> Auth:
    """Return what :class:`Opened` opened: ``ConnectedAccounts(auth_of, ...)``.

    :raises RuntimeError: if it opened nothing.
    """
    scope = getattr(request, "scope", None) or {}
    auth = scope.get(_AUTH)
    if not isinstance(auth, Auth):
        msg = (
            "extauth is not open in this request: serve extauth.web.django.Opened(...) by an ASGI server that"
            " runs the lifespan protocol, such as uvicorn"
        )
        raise RuntimeError(msg)  # noqa: TRY004 - the deployment, not an argument
    return auth


def _body(request: HttpRequest) -> bytes:
    try:
        body: bytes = request.body
    except RawPostDataException:
        # Django's middleware has read a form of another kind, looking for its token. None is taken here.
        return b"read"
    return body


def _response(made: WebResponse) -> HttpResponse:
    response = HttpResponse(made.body.encode(), status=made.status)
    for name, value in made.headers:
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    return response
