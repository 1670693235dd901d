"""One request of a user who is signed in, or is not, and what it is answered with."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, final

import attrs

from extauth.auth import Auth
from extauth.domain.link import Link
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.linking_ports import LinkingProvider
from extauth.web.cookies import packed, unpacked
from extauth.web.form_token import COOKIE, FIELD, form_token
from extauth.web.next_path import own_path
from extauth.web.offers import Offer, title_of
from extauth.web.overview import offer_for, reconnected_by
from extauth.web.pages.html import Html
from extauth.web.pages.layout import Shell, link_button
from extauth.web.pages.steps import problem_page
from extauth.web.pages.style import onward
from extauth.web.problems import PROBLEM_JSON, Problem, Refused
from extauth.web.request import FormField, WebRequest
from extauth.web.response import NO_REFERRER, OWN_REFERRER, WebResponse, as_json, see_other
from extauth.web.settings import Settings
from extauth.web.words import Words

LOGGER: Final = logging.getLogger("extauth.web")

NOTICE: Final = "notice"
"""The cookie that says on the next page what was done."""
_NOTICE_SECONDS: Final = 60
_AGAIN: Final = frozenset(
    {
        "authorization_expired",
        "authorization_failed",
        "authorization_rejected",
        "begun_elsewhere",
        "consent_denied",
        "invalid_callback",
        "no_device_code",
        "temporarily_unavailable",
        "unknown_state",
        "wrong_user",
    }
)
"""Problems after which to offer to connect again."""


@final
@attrs.frozen(kw_only=True)
class Call:
    """A request with all that its answer needs."""

    request: WebRequest
    settings: Settings
    auth: Auth
    user_id: str | None
    words: Words
    json: bool
    """Whether the client wants JSON."""
    key: str = attrs.field(repr=False)
    """The key of this browser's form tokens."""
    route: str
    provider_id: str
    """That the route names; empty if it names none."""

    @property
    def user(self) -> str:
        """The user who is signed in.

        :raises Refused: if nobody is.
        """
        if self.user_id is None:
            code = "not_signed_in"
            raise Refused(code)
        return self.user_id

    @property
    def providers(self) -> Mapping[str, LinkingProvider]:
        """All providers by their id."""
        return self.auth.providers

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What the application offers; without a word of its own, each provider."""
        given = self.settings.offers
        return tuple(map(Offer, self.providers)) if given is None else given

    def title(self, provider_id: str) -> str:
        """Return what users call a provider."""
        return title_of(provider_id, offer_for(provider_id, self.offers))

    def shell(self, *, forms: bool = True) -> Shell:
        """Return what pages are made with."""
        hidden = list(self.request.form_fields()) if forms else []
        if forms and self.user_id is not None:
            hidden.append(FormField(FIELD, form_token(self.key, self.user_id)))
        return Shell(
            words=self.words,
            site=self.settings.site,
            application=self.settings.application,
            form_targets=tuple(
                onward(each.linking.authorization_endpoint for each in self.providers.values())
            ),
            hidden=tuple(hidden),
        )

    def field(self, name: str, given: Mapping[str, list[str]]) -> str | None:
        """Return the only value of a field, or None.

        :raises Refused: if there are several.
        """
        values = [value for value in given.get(name, []) if value]
        if len(values) > 1:
            code = "bad_request"
            raise Refused(code)
        return values[0] if values else None

    def next(self, given: Mapping[str, list[str]]) -> str | None:
        """Return where to go afterwards, or None if that was not said.

        :raises Refused: if it leads elsewhere.
        """
        said = self.field("next", given)
        path = None if said is None else own_path(said, self.settings.site.origin)
        if said is not None and path is None:
            code = "invalid_next"
            raise Refused(code)
        return path

    def check_offered(self, links: Iterable[Link]) -> None:
        """Refuse a provider that neither is offered nor is connected, so that it could be connected again.

        :raises Refused: for it.
        """
        offered = any(offer.provider_id == self.provider_id for offer in self.offers)
        known = (reconnected_by(link.key.provider_id, self.providers) for link in links)
        if not offered and self.provider_id not in known:
            code = "unknown_provider"
            raise Refused(code, status=404)

    def done(self, notice: str, provider_id: str, then: str | None = None) -> WebResponse:
        """Send the browser on to where it was to go, or to the list, which says what was done."""
        home = self.settings.site.home
        target = then or self.settings.return_to
        if target.partition("?")[0] != home:
            return see_other(target)
        said = packed(f"{notice} {provider_id}")
        return see_other(home, self.settings.cookies.set(NOTICE, said, max_age=_NOTICE_SECONDS))

    def notice(self) -> str | None:
        """Return what was just done, as a sentence, if the page is to say it."""
        value = self.request.cookies.get(self.settings.cookies.name(NOTICE), "")
        notice, _, provider_id = unpacked(value).partition(" ")
        if f"notice.{notice}" not in self.words:
            return None
        return self.words.say(f"notice.{notice}", provider=self.title(provider_id))

    def answer(self, problem: Problem) -> WebResponse:
        """Return a problem as the client wants it."""
        words, provider = self.words, self.title(self.provider_id) if self.provider_id else ""
        title = words.say(f"problem.{problem.words}", provider=provider)
        if self.json:
            return as_json(problem.document(title), problem.status, PROBLEM_JSON).adding(*problem.headers())
        text_id = f"problem.{problem.words}.{self.route}"
        text = words.say(text_id if text_id in words else f"problem.{problem.words}.text", provider=provider)
        referrer = NO_REFERRER if self.route == "callback" else OWN_REFERRER
        page = problem_page(
            self.shell(forms=False),
            title,
            text,
            self._buttons(problem),
            status=problem.status,
            referrer=referrer,
        )
        return page.adding(*problem.headers())

    def _buttons(self, problem: Problem) -> list[Html]:
        """Where to go from a problem: by links, which need no form to be good."""
        words, site, url = self.words, self.settings.site, self.settings.sign_in_url
        if problem.words == "not_signed_in":
            return [] if url is None else [link_button(url, words.say("do.sign_in"), kind="main")]
        back = link_button(site.home, words.say("do.back"))
        base = self.provider_id.partition(ACCOUNT_SEPARATOR)[0]
        if problem.words not in _AGAIN or base not in self.providers:
            return [back]
        what = words.say("do.connect.what", provider=self.title(self.provider_id))
        again = link_button(
            site.path("connect", self.provider_id), words.say("do.connect"), what, kind="main"
        )
        return [again, back]

    def with_key(self, response: WebResponse) -> WebResponse:
        """Have the browser keep its key, if it had none."""
        cookies = self.settings.cookies
        shown = response.status == HTTPStatus.OK  # others have no form
        if not shown or self.user_id is None or self.request.cookies.get(cookies.name(COOKIE)) == self.key:
            return response
        return response.adding(cookies.set(COOKIE, self.key))
