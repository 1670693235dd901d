"""The operator's page: one request in, one response out, whatever the framework. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, final

from extauth.auth import Auth
from extauth.clock import SystemClock
from extauth.domain.acting import acting_as
from extauth.domain.actors import Operator
from extauth.domain.wrong_types import must_be
from extauth.web.finding import AuthOrFinder, found_auth, said
from extauth.web.negotiation import best_language, wants_json
from extauth.web.operating.keys import KeyCounts
from extauth.web.operating.views import Visit, show_audit, show_keys, show_links, show_overview
from extauth.web.pages.html import Html
from extauth.web.pages.layout import Shell, link_button
from extauth.web.pages.operating.style import OPERATOR_STYLE
from extauth.web.pages.steps import problem_page
from extauth.web.problems import PROBLEM_JSON, Problem, Refused
from extauth.web.recent import RecentExchanges
from extauth.web.request import Unreadable, WebRequest
from extauth.web.response import OWN_REFERRER, WebResponse, as_json
from extauth.web.settings import checked_languages
from extauth.web.site import Site
from extauth.web.words import OPERATOR_ENGLISH, OPERATOR_GERMAN, Words

OperatorFinder: TypeAlias = Callable[[Any], Awaitable[Operator | None]]
"""Says by the framework's request which operator is signed in; None if it is none."""

_VIEWS: Final[dict[str, Callable[[Visit], Awaitable[WebResponse]]]] = {
    "": show_overview,
    "links": show_links,
    "audit": show_audit,
    "keys": show_keys,
}


@final
class OperatorPage:
    """Pages on which an operator sees how links, keys, events and this process do. They change nothing.

    ``auth`` is what :func:`extauth.open` opened, or a function that finds it by the framework's request.
    ``operator`` is an async function of that request: **which operator is signed in**, by your own
    authorization, or None: then there is nothing here (404). What it raises is the framework's. All is read
    in this :class:`~extauth.Operator`'s name: with ``access`` rules the roles say which parts there are, and
    who may see none of a page is refused (403). **Without such rules an operator sees it all.**

    ``public_url`` is where browsers find the pages, such as ``https://app.example/operator``. ``recent`` is
    the observer that the application was opened with, to show this process's last hour. ``languages`` are
    chosen from as for :class:`~extauth.web.ConnectedAccounts`; a language of your own has all ids of
    :data:`~extauth.web.OPERATOR_ENGLISH`.

    Each part is read by itself and bounded, so that a page costs the same in a large table as in a small one;
    what was looked at only in part says so. A part that cannot be read keeps no other from being shown.

    :raises ValueError: for what cannot be; the message says what to write.
    :raises TypeError: for an argument of another type.
    """

    paths = tuple(name for name in _VIEWS if name)
    parents: tuple[str, ...] = ()

    def __init__(
        self,
        auth: AuthOrFinder,
        operator: OperatorFinder,
        *,
        public_url: str,
        application: str = "",
        recent: RecentExchanges | None = None,
        languages: Sequence[Words] = (OPERATOR_ENGLISH, OPERATOR_GERMAN),
        language: Callable[[Any], str | None] | None = None,
    ) -> None:
        _check(auth, operator, recent)
        self._auth = auth
        self._operator = operator
        self._site = Site.at(public_url)
        self._application = application
        self._recent = recent
        self._languages = {words.language: words for words in checked_languages(languages, OPERATOR_ENGLISH)}
        self._language_of = language
        self._keys = KeyCounts(SystemClock())

    @property
    def prefix(self) -> str:
        """The path of ``public_url``, without a slash at its end."""
        return self._site.prefix

    async def respond(self, request: WebRequest) -> WebResponse:
        """Answer a request. What the application's own functions raise goes through.

        A caller that is cancelled leaves nothing behind.
        """
        operator = await said(self._operator(request.native), "operator")
        shell, json = self._shell(request), wants_json(request.headers.get("accept", ""))
        if operator is None:
            return _told(shell, Problem("not_found", 404, "not_found"), json=json)
        _check_operator(operator)
        try:
            with acting_as(operator):
                return await self._shown(request, operator, shell, json=json)
        except Refused as refused:
            return _told(shell, refused.problem, json=json)
        except Unreadable as error:
            return _told(shell, Problem("bad_request", error.status, "bad_request"), json=json)

    async def _shown(
        self, request: WebRequest, operator: Operator, shell: Shell, *, json: bool
    ) -> WebResponse:
        view = _VIEWS.get(request.path.strip("/"))
        if view is None:
            code = "not_found"
            raise Refused(code)
        if request.method not in {"GET", "HEAD"}:
            problem = Refused("method_not_allowed").problem
            return _told(shell, problem, json=json).adding(("Allow", "GET, HEAD"))
        visit = Visit(
            auth=found_auth(self._auth, request.native),
            operator=operator,
            shell=shell,
            json=json,
            query=request.query_fields(),
            recent=self._recent,
            keys=self._keys,
            now=SystemClock().now(),
        )
        return await view(visit)

    def _shell(self, request: WebRequest) -> Shell:
        chosen = self._language_of(request.native) if self._language_of else None
        if chosen not in self._languages:
            accepted = chosen or request.headers.get("accept-language", "")
            chosen = best_language(accepted, list(self._languages))
        return Shell(
            words=self._languages[chosen],
            site=self._site,
            application=self._application,
            style=OPERATOR_STYLE,
        )


def _check(auth: object, operator: object, recent: object) -> None:
    if not callable(operator):
        msg = "operator must be an async function of the request that returns an Operator, or None"
        raise TypeError(msg)
    if not callable(auth) and not isinstance(auth, Auth):
        msg = "auth must be what extauth.open opened, or a function of the request that finds it"
        raise TypeError(msg)
    if recent is not None and not isinstance(recent, RecentExchanges):
        raise TypeError(must_be("a RecentExchanges", recent, "recent", "write recent=RecentExchanges()"))


def _check_operator(operator: object) -> None:
    if not isinstance(operator, Operator):
        hint = 'return extauth.Operator("eve", {"admin"})'
        raise TypeError(must_be("an Operator or None", operator, "what operator returns", hint))


def _told(shell: Shell, problem: Problem, *, json: bool) -> WebResponse:
    title = shell.words.say(f"problem.{problem.words}")
    if json:
        return as_json(problem.document(title), problem.status, PROBLEM_JSON)
    text = shell.words.say(f"problem.{problem.words}.text")
    back: list[Html] = []
    if problem.status not in {403, 404}:
        back = [link_button(shell.site.home, shell.words.say("do.back"))]
    return problem_page(shell, title, text, back, status=problem.status, referrer=OWN_REFERRER)
