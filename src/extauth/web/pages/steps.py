"""The pages between the list and a deed: connect, disconnect, the code of a device, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from extauth.web.pages.html import Html, element, web_url
from extauth.web.pages.layout import Shell, acts, card, link_button
from extauth.web.response import WebResponse


def connect_page(
    shell: Shell, provider_id: str, title: str, *, then: str | None, ask: str | None, by_device: bool
) -> WebResponse:
    """Return the page that asks whether to connect: a link of anybody's leads here, and begins nothing."""
    words = shell.words
    heading = words.say("connect.title", provider=title)
    fields = [(name, value) for name, value in (("next", then), ("ask", ask)) if value is not None]
    button = shell.form(
        shell.site.path("device" if by_device else "connect", provider_id),
        words.say("do.connect"),
        words.say("do.connect.what", provider=title),
        kind="main",
        fields=fields,
    )
    cancel = link_button(then or shell.site.home, words.say("do.cancel"))
    lead = words.say("connect.lead.device" if by_device else "connect.lead", provider=title)
    return shell.page(
        heading,
        card(element("h1", None, heading), element("p", {"class": "lead"}, lead), acts(button, cancel)),
        narrow=True,
        leaves=True,
    )


def disconnect_page(shell: Shell, provider_id: str, title: str, account: str | None) -> WebResponse:
    """Return the page that asks once more before a user is disconnected."""
    words = shell.words
    heading = words.say("disconnect.title", provider=title)
    who = element("p", None, words.say("disconnect.account", account=account)) if account else Html("")
    button = shell.form(
        shell.site.path("disconnect", provider_id),
        words.say("do.disconnect"),
        words.say("do.disconnect.what", provider=title),
        kind="danger",
    )
    cancel = link_button(shell.site.home, words.say("do.cancel"))
    lead = element("p", {"class": "lead"}, shell.lead("disconnect.lead"))
    return shell.page(
        heading, card(element("h1", None, heading), who, lead, acts(button, cancel)), narrow=True
    )


def device_page(
    shell: Shell,
    provider_id: str,
    title: str,
    *,
    user_code: str,
    verification_uri: str,
    minutes: int,
    waited: bool,
) -> WebResponse:
    """Return the page with the code to type in; ``waited`` if it was asked for and not allowed yet."""
    words = shell.words
    heading = words.say("device.title", provider=title)
    href = web_url(verification_uri)
    place = (
        verification_uri
        if href is None
        else element("a", {"href": href, "rel": "noopener noreferrer", "target": "_blank"}, verification_uri)
    )
    waiting = element("p", {"class": "notice", "role": "status"}, words.say("device.waiting", provider=title))
    go_on = element(
        "a",
        {"class": "button main", "href": f"{shell.site.path('device', provider_id)}?wait=1"},
        words.say("do.continue"),
    )
    return shell.page(
        heading,
        waiting if waited else Html(""),
        card(
            element("h1", None, heading),
            element("p", None, words.say("device.open")),
            element("p", None, place),
            element("p", None, words.say("device.type")),
            element("strong", {"class": "code"}, user_code),
            element("p", {"class": "lead"}, words.say("device.then")),
            element("p", {"class": "lead"}, words.say("device.until", minutes=str(minutes))),
            acts(go_on, link_button(shell.site.home, words.say("do.cancel"))),
        ),
        narrow=True,
    )


def problem_page(
    shell: Shell, title: str, text: str, buttons: Sequence[Html], *, status: int, referrer: tuple[str, str]
) -> WebResponse:
    """Return the page that says what went wrong, and where to go from there."""
    content = [element("h1", None, title), element("p", {"class": "lead"}, text), acts(*buttons)]
    return shell.page(title, card(*content), status=status, narrow=True, referrer=referrer)
