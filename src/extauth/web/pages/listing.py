"""The page of connected accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from extauth.web.offers import Offer, title_of
from extauth.web.overview import WAITS_FOR_USER, Condition, Connection
from extauth.web.pages.html import Html, element, joined
from extauth.web.pages.layout import Shell, acts, link_button
from extauth.web.response import WebResponse
from extauth.web.words.words import Words

_LOOK: Final[dict[Condition, str]] = {
    "ok": "ok",
    "expiring": "warn",
    "probably_broken": "bad",
    "broken": "bad",
    "fenced": "warn",
    "doubtful": "warn",
    "unreadable": "",
    "retired": "",
}


def list_page(
    shell: Shell, connections: Sequence[Connection], offers: Sequence[Offer], notice: str | None = None
) -> WebResponse:
    """Return the page; ``notice`` says what has just been done."""
    words = shell.words
    told = element("p", {"class": "notice", "role": "status"}, notice) if notice else Html("")
    heading = element("h1", None, words.say("list.title"))
    lead = element("p", {"class": "lead"}, shell.lead("list.lead"))
    connected = [_connected(shell, each, number) for number, each in enumerate(connections)]
    available = [_offered(shell, each) for each in offers]
    return shell.page(
        words.say("list.title"),
        heading,
        lead,
        told,
        _section("connected", words.say("list.connected"), connected, words.say("list.none")),
        _section("available", words.say("list.available"), available, words.say("list.all_connected")),
        leaves=True,
    )


def _section(name: str, title: str, items: Sequence[Html], none: str) -> Html:
    body = element("ul", {"class": "cards"}, *items) if items else element("p", {"class": "lead"}, none)
    return element("section", {"aria-labelledby": name}, element("h2", {"id": name}, title), body)


def _connected(shell: Shell, each: Connection, number: int) -> Html:
    words, label = shell.words, f"connection-{number}"
    badge = element(
        "span", {"class": f"badge {_LOOK[each.condition]}".strip()}, words.say(f"state.{each.condition}")
    )
    account = each.account_name
    who = element(
        "div",
        {"class": "who"},
        element("div", {"class": "head"}, element("h3", {"id": label}, each.title), badge),
        element(
            "p", {"class": "account" if account else False}, account or words.say("list.account.unknown")
        ),
        _since(words, each.since),
    )
    buttons = acts(*_acts(shell, each))
    row = element("div", {"class": "row"}, _tile(each.title), who, _told(words, each), buttons)
    return element("li", {"class": "card", "aria-labelledby": label}, row, _more(shell, each))


def _since(words: Words, since: datetime | None) -> Html:
    if since is None:
        return Html("")
    day = element("time", {"datetime": since.isoformat()}, words.date(since))
    return element("p", None, _around(words.say("list.since"), "{date}", day))


def _acts(shell: Shell, each: Connection) -> list[Html]:
    words, site = shell.words, shell.site
    found: list[Html] = []
    if each.connect_id is not None and each.condition != "unreadable":
        kind = "main" if each.condition in WAITS_FOR_USER else "quiet"
        what = words.say("do.reconnect.what", provider=each.title)
        action = site.path("connect", each.connect_id)
        found.append(shell.form(action, words.say("do.reconnect"), what, kind=kind))
    what = words.say("do.disconnect.what", provider=each.title)
    action = site.path("disconnect", each.provider_id)
    return [*found, link_button(action, words.say("do.disconnect"), what, kind="quiet")]


def _told(words: Words, each: Connection) -> Html:
    if each.reason is not None:
        text = words.reason(each.reason)
    elif f"state.{each.condition}.text" in words:
        date = "" if each.ends_at is None else words.date(each.ends_at)
        text = words.say(f"state.{each.condition}.text", date=date)
    else:
        return Html("")
    return element("p", {"class": f"told {_LOOK[each.condition]}".strip()}, text)


def _more(shell: Shell, each: Connection) -> Html:
    if not each.asks:
        return Html("")
    words = shell.words
    items = [
        element(
            "li",
            None,
            element("span", None, ask.title),
            element("span", {"class": "badge ok"}, words.say("list.allowed"))
            if allowed
            else shell.form(
                shell.site.path("connect", each.provider_id),
                words.say("list.allow"),
                f"{words.say('list.allow')}: {ask.title} ({each.title})",
                fields=[("ask", ask.name)],
            ),
        )
        for ask, allowed in each.asks
    ]
    return element(
        "div", {"class": "more"}, element("h4", None, words.say("list.more")), element("ul", None, *items)
    )


def _offered(shell: Shell, offer: Offer) -> Html:
    title, words = title_of(offer.provider_id, offer), shell.words
    about = element("p", None, offer.description) if offer.description else Html("")
    who = element("div", {"class": "who"}, element("h3", None, title), about)
    button = shell.form(
        shell.site.path("device" if offer.by == "device" else "connect", offer.provider_id),
        words.say("do.connect"),
        words.say("do.connect.what", provider=title),
        kind="tonal",
    )
    return element("li", {"class": "card"}, element("div", {"class": "row"}, _tile(title), who, acts(button)))


def _tile(title: str) -> Html:
    first = next((letter for letter in title if letter.isalnum()), "•")
    return element("span", {"class": "tile", "aria-hidden": "true"}, first.upper())


def _around(text: str, place: str, inner: Html) -> Html:
    before, _, after = text.partition(place)
    return joined(before, inner, after)
