"""The core: one request in, one response out, whatever the framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, Final, TypeAlias, final

from extauth.auth import Auth
from extauth.clock import SystemClock
from extauth.domain.acting import acting_as, current_actor
from extauth.domain.actors import User
from extauth.domain.errors import ConfigurationError, ExtAuthError
from extauth.domain.link import LinkKey
from extauth.domain.wrong_types import id_text
from extauth.services.linking.options import AUTHORIZATION_TTL
from extauth.web.cookies import Cookies
from extauth.web.device_flows import DeviceFlowStorage, InThisProcess
from extauth.web.finding import AuthOrFinder, found_auth, said
from extauth.web.form_token import COOKIE, FIELD, HEADER, is_key, is_token, new_key, refusal
from extauth.web.handling.call import LOGGER, Call
from extauth.web.handling.callback import callback
from extauth.web.handling.connecting import ask_to_connect, connect
from extauth.web.handling.devices import begin_device, show_device
from extauth.web.handling.disconnecting import ask_to_disconnect, disconnect
from extauth.web.handling.listing import show_list
from extauth.web.negotiation import best_language, wants_json
from extauth.web.offers import Offer
from extauth.web.problems import CONFIGURATION, Problem, Refused, problem_of
from extauth.web.request import Unreadable, WebRequest
from extauth.web.response import WebResponse, as_json, see_other
from extauth.web.settings import (
    DOCUMENT_PATH,
    Settings,
    checked_document,
    checked_languages,
    checked_offers,
    checked_path,
    whole_seconds,
)
from extauth.web.site import Site
from extauth.web.words import ENGLISH, GERMAN, Words

_Handler: TypeAlias = Callable[[Call], Awaitable[WebResponse]]

_ROUTES: Final[Mapping[str, Mapping[str, _Handler]]] = {
    "": {"GET": show_list, "HEAD": show_list},
    "connect": {"GET": ask_to_connect, "HEAD": ask_to_connect, "POST": connect},
    # No HEAD: what looks ahead must not use up a state.
    "callback": {"GET": callback, "POST": callback},
    "disconnect": {"GET": ask_to_disconnect, "HEAD": ask_to_disconnect, "POST": disconnect},
    "device": {"GET": show_device, "POST": begin_device},
}

UserFinder: TypeAlias = Callable[[Any], Awaitable[str | None]]
"""Says by the framework's request who is signed in; None if nobody is."""


@final
class ConnectedAccounts:
    """Routes and pages on which users connect and disconnect their accounts.

    ``auth`` is what :func:`extauth.open` opened, or a function that finds it by the framework's request.
    ``user`` is an async function of that request: **who is signed in in this very browser**, by its session
    and by nothing else, or None. What it raises is the framework's.

    ``public_url`` is where browsers find the routes, such as ``https://app.example/accounts``. Redirect URIs
    are made of it and of nothing else: register :meth:`redirect_uri` at each provider. With ``http`` on
    loopback cookies go without ``Secure`` and the prefix ``__Host-``: for development.

    ``offers`` are what can be connected, in this order; without them all providers. ``application`` is what
    users call the application. ``return_to`` is the path to go to after connecting, unless a form said
    ``next``; ``sign_in_url`` that of the page to sign in on. ``languages`` are chosen from by
    ``Accept-Language``, or by ``language``, a function of the request that returns a tag or None.
    ``authorization_ttl`` is that of :func:`extauth.open`. ``device_flows`` keeps codes to be typed in, and
    ``client_document`` is served at ``client.json`` (see :func:`extauth.adapters.discovery.client_document`).

    Posts are taken from the own origin only; a callback only in the browser that began it, by a cookie of
    its own; else the state stays good. All calls are made in the user's name, unless an actor was said.

    :raises ValueError: for what cannot be; the message says what to write.
    :raises TypeError: for an argument of another type.
    """

    def __init__(
        self,
        auth: AuthOrFinder,
        user: UserFinder,
        *,
        public_url: str,
        offers: Sequence[Offer] | None = None,
        application: str = "",
        return_to: str | None = None,
        sign_in_url: str | None = None,
        languages: Sequence[Words] = (ENGLISH, GERMAN),
        language: Callable[[Any], str | None] | None = None,
        authorization_ttl: timedelta = AUTHORIZATION_TTL,
        device_flows: DeviceFlowStorage | None = None,
        client_document: Mapping[str, Any] | None = None,
    ) -> None:
        _check_functions(auth, user)
        self._auth = auth
        self._user = user
        site = Site.at(public_url)
        self._settings = Settings(
            site=site,
            cookies=Cookies(site.secure),
            offers=checked_offers(offers),
            application=application,
            return_to=checked_path(return_to, site, "return_to") or site.home,
            sign_in_url=checked_path(sign_in_url, site, "sign_in_url"),
            languages=checked_languages(languages),
            language_of=language,
            begun_for=whole_seconds(authorization_ttl, "authorization_ttl"),
            devices=InThisProcess() if device_flows is None else device_flows,
            document=checked_document(client_document, site),
            now=SystemClock().now,
        )

    paths = (DOCUMENT_PATH,)
    parents = tuple(f"{route}/" for route in _ROUTES if route)

    @property
    def prefix(self) -> str:
        """The path of ``public_url``, without a slash at its end."""
        return self._settings.site.prefix

    def redirect_uri(self, provider_id: str) -> str:
        """Return the redirect URI to register at a provider, exactly as it is."""
        return self._settings.site.redirect_uri(provider_id)

    async def respond(self, request: WebRequest) -> WebResponse:
        """Answer a request. What the application's own functions raise goes through; nothing else does but
        mistakes in extauth itself.

        A caller that is cancelled leaves an exchange that has begun to be carried through.
        """
        route, _, provider_id = request.path.strip("/").partition("/")
        if (route, provider_id) == (DOCUMENT_PATH, "") and self._settings.document is not None:
            return _document(self._settings.document)
        user_id = await said(self._user(request.native), "user")
        call = self._call(
            request, None if user_id is None else id_text(user_id, "user_id"), route, provider_id
        )
        response = await self._handled(call)
        return call.with_key(response)

    def _call(self, request: WebRequest, user_id: str | None, route: str, provider_id: str) -> Call:
        settings = self._settings
        key = request.cookies.get(settings.cookies.name(COOKIE))
        by_tag = {words.language: words for words in settings.languages}
        chosen = settings.language_of(request.native) if settings.language_of else None
        if chosen not in by_tag:
            accepted = chosen or request.headers.get("accept-language", "")
            chosen = best_language(accepted, list(by_tag))
        return Call(
            request=request,
            settings=settings,
            auth=found_auth(self._auth, request.native),
            user_id=user_id,
            words=by_tag[chosen],
            json=wants_json(request.headers.get("accept", "")),
            key=str(key) if is_key(key) else new_key(),
            route=route,
            provider_id=provider_id,
        )

    async def _handled(self, call: Call) -> WebResponse:
        try:
            return await self._routed(call)
        except Refused as refused:
            return self._told(call, refused.problem)
        except Unreadable as error:
            return call.answer(Problem("bad_request", error.status, "bad_request"))
        except ConfigurationError as error:
            LOGGER.error("%s cannot be served: %s", call.route or "the list", error)
            return call.answer(problem_of(error))
        except ExtAuthError as error:
            return call.answer(problem_of(error))
        except ValueError as error:
            # A mistake of the deployment, such as a redirect URI that is not on the list.
            LOGGER.error("%s cannot be served: %s", call.route or "the list", error)
            return call.answer(CONFIGURATION)

    async def _routed(self, call: Call) -> WebResponse:
        methods = _ROUTES.get(call.route)
        if methods is None or bool(call.provider_id) is not bool(call.route):
            code = "not_found"
            raise Refused(code)
        if call.provider_id and not _is_id(call.provider_id):
            code = "unknown_provider"
            raise Refused(code, status=404)
        handler = methods.get(call.request.method)
        if handler is None:
            problem = Refused("method_not_allowed").problem
            return call.answer(problem).adding(("Allow", ", ".join(methods)))
        if call.route != "callback":
            self._check_origin(call)
        who = nullcontext() if current_actor() or call.user_id is None else acting_as(User(call.user_id))
        with who:
            return await handler(call)

    def _check_origin(self, call: Call) -> None:
        user_id = call.user  # who is nobody is refused here
        request = call.request
        if request.method != "POST":
            return
        given = request.headers.get(HEADER) or call.field(FIELD, request.form())
        key = request.cookies.get(self._settings.cookies.name(COOKIE))
        token = None if given is None else is_token(given, key, user_id)
        if why := refusal(request.headers, self._settings.site.origin, token=token):
            raise Refused(why)

    def _told(self, call: Call, problem: Problem) -> WebResponse:
        sign_in = self._settings.sign_in_url
        reads = call.request.method in {"GET", "HEAD"} and call.route != "callback" and not call.json
        if problem.code == "not_signed_in" and sign_in is not None and reads:
            return see_other(sign_in)
        return call.answer(problem)


def _is_id(provider_id: str) -> bool:
    """Whether anything can have this id: a path may hold what no store keeps."""
    try:
        LinkKey(provider_id, "anybody")
    except ValueError:
        return False
    return True


def _check_functions(auth: object, user: object) -> None:
    if not callable(user):
        msg = "user must be an async function of the request that says who is signed in"
        raise TypeError(msg)
    if not callable(auth) and not isinstance(auth, Auth):
        msg = "auth must be what extauth.open opened, or a function of the request that finds it"
        raise TypeError(msg)


def _document(document: Mapping[str, Any]) -> WebResponse:
    """Return what authorization servers fetch: it is everybody's, and may be kept for a while."""
    response = as_json(document)
    kept = [each for each in response.headers if each[0] not in {"Cache-Control", "Vary"}]
    return WebResponse(200, (*kept, ("Cache-Control", "public, max-age=300")), response.body)
