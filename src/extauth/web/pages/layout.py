"""What all pages have: head, heading, notice, and forms that are known for ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

import attrs

from extauth.web.pages.html import Html, element, joined
from extauth.web.pages.style import STYLE, content_security_policy
from extauth.web.request import FormField
from extauth.web.response import ALWAYS, OWN_REFERRER, WebResponse
from extauth.web.site import Site
from extauth.web.words.words import Words


@final
@attrs.frozen(kw_only=True)
class Shell:
    """What one page is made with."""

    words: Words
    site: Site
    application: str = ""
    """What users call the application; empty if nobody said."""
    form_targets: tuple[str, ...] = ()
    """Where forms may lead beside the own origin."""
    hidden: tuple[FormField, ...] = attrs.field(default=(), repr=False)
    """In each form."""
    style: str = STYLE

    def lead(self, message_id: str) -> str:
        """Return a sentence about the application, by its name if it has one."""
        if not self.application:
            return self.words.say(f"{message_id}.unnamed")
        return self.words.say(message_id, application=self.application)

    def page(
        self,
        title: str,
        *content: str,
        status: int = 200,
        narrow: bool = False,
        wide: bool = False,
        leaves: bool = False,
        referrer: tuple[str, str] = OWN_REFERRER,
    ) -> WebResponse:
        """Return a whole page; ``leaves`` if a form of it sends the browser to a provider."""
        whole = f"{title} – {self.application}" if self.application else title  # noqa: RUF001 - a dash
        head = element(
            "head",
            None,
            element("meta", {"charset": "utf-8"}),
            element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("meta", {"name": "robots", "content": "noindex"}),
            element("title", None, whole),
            element("style", None, Html(self.style)),
        )
        name = element("p", {"class": "app"}, self.application) if self.application else Html("")
        main = element("main", {"class": "narrow" if narrow else "wide" if wide else False}, name, *content)
        language = {"lang": self.words.language, "dir": self.words.direction}
        text = Html("<!DOCTYPE html>") + element("html", language, head, element("body", None, main))
        policy = content_security_policy(self.form_targets if leaves else (), style=self.style)
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Language", self.words.language),
            ("Content-Security-Policy", policy),
            referrer,
            *ALWAYS,
        )
        return WebResponse(status, headers, text)

    def form(
        self,
        action: str,
        label: str,
        described: str | None = None,
        *,
        kind: str = "",
        fields: Iterable[tuple[str, str]] = (),
    ) -> Html:
        """Return a form of one button; ``described`` is its whole name for those who do not see around it."""
        given = [(each.name, each.value) for each in self.hidden] + list(fields)
        hidden = [element("input", {"type": "hidden", "name": name, "value": value}) for name, value in given]
        look = f"button {kind}".strip()
        button = element("button", {"type": "submit", "class": look, "aria-label": described or False}, label)
        return element("form", {"method": "post", "action": action}, *hidden, button)


def link_button(href: str, label: str, described: str | None = None, *, kind: str = "") -> Html:
    """Return a link that looks like a button."""
    look = f"button {kind}".strip()
    return element("a", {"href": href, "class": look, "aria-label": described or False}, label)


def card(*content: str) -> Html:
    """Return a card."""
    return element("div", {"class": "card"}, *content)


def acts(*buttons: str) -> Html:
    """Return a row of buttons."""
    return element("div", {"class": "acts"}, joined(*buttons))
