"""What the operator's pages are made of: tables, bars, hints, and the frame around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from extauth.domain.readiness import Readiness
from extauth.web.pages.html import Html, element, joined
from extauth.web.pages.layout import Shell
from extauth.web.response import WebResponse

Cell: TypeAlias = "str | int | datetime | Html | None"
Heading: TypeAlias = tuple[str, bool]
"""What stands above a column, and whether numbers stand below."""

_TABS: Final = ("overview", "links", "audit", "keys")


def frame(
    shell: Shell, here: str, operator: str, now: datetime, *content: str, ready: Readiness | None = None
) -> WebResponse:
    """Return a whole page."""
    words = shell.words
    tabs = [
        element(
            "a",
            {
                "href": f"{shell.site.home}{'' if name == 'overview' else name}",
                "aria-current": "page" if name == here else False,
            },
            words.say(f"nav.{name}"),
        )
        for name in _TABS
    ]
    badge = Html("")
    if ready is not None:
        said = words.say("ready" if ready.reason is None else f"ready.{ready.reason}")
        badge = element("span", {"class": f"badge {'ok' if ready.ready else 'bad'}"}, said)
    lead = words.say("lead", time=moment(now), operator=operator)
    title = words.say("title") if here == "overview" else words.say(f"nav.{here}")
    top = element(
        "div",
        {"class": "top"},
        element(
            "div",
            None,
            element("h1", None, title),
            element("p", {"class": "lead"}, lead),
        ),
        badge,
    )
    navigation = element("nav", {"class": "tabs", "aria-label": words.say("nav")}, *tabs)
    return shell.page(title, top, navigation, *content, wide=True)


def part(shell: Shell, name: str, *content: str, size: str = "", hints: Iterable[Html] = ()) -> Html:
    """Return a card with a heading, and what to do about it below."""
    told = list(hints)
    return element(
        "section",
        {"class": f"card part {size}".strip(), "aria-labelledby": name},
        element("h2", {"id": name}, shell.words.say(f"part.{name}")),
        *content,
        element("p", {"class": "hint"}, *told) if told else Html(""),
    )


def hint(shell: Shell, command: str, message: str) -> Html:
    """Say which command does what."""
    return element("span", None, element("code", None, command), f" {shell.words.say(f'command.{message}')}")


def quiet(text: str) -> Html:
    """Return a sentence that nobody needs to act upon."""
    return element("p", {"class": "quiet-text"}, text)


def table(label: str, headings: Sequence[Heading], rows: Iterable[Sequence[Cell]]) -> Html:
    """Return a table, which scrolls by itself where it is too wide; the first column names rows."""
    head = [element("th", {"scope": "col", "class": "n" if n else False}, name) for name, n in headings]
    body = [
        element(
            "tr",
            None,
            *(
                _cell(value, number=n, first=place == 0)
                for place, (value, (_, n)) in enumerate(zip(row, headings, strict=True))
            ),
        )
        for row in rows
    ]
    made = element(
        "table", None, element("thead", None, element("tr", None, *head)), element("tbody", None, *body)
    )
    return element("div", {"class": "scroll", "role": "group", "aria-label": label, "tabindex": "0"}, made)


def _cell(value: Cell, *, number: bool, first: bool) -> Html:
    if isinstance(value, Html) and value.startswith("<td"):
        return value
    text = shown(value)
    kind = "n" if number else ""
    if number and value == 0:
        kind = "n zero"
    if first:
        return element("th", {"scope": "row", "class": kind or False}, text)
    return element("td", {"class": kind or False}, text)


def alarm(number: int, kind: str) -> Cell:
    """Return a number that is seen, unless it is zero."""
    return element("td", {"class": f"n {kind}"}, shown(number)) if number else 0


def shown(value: Cell) -> str:
    """Return a value as it is shown."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash
    if isinstance(value, datetime):
        return element("time", {"datetime": value.isoformat()}, moment(value))
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return value


def moment(at: datetime) -> str:
    """Return a time in UTC, the same in each language."""
    return f"{at:%Y-%m-%d %H:%M}"


def of_the_first(shell: Shell, number: int | None) -> Html:
    """Say how many were looked at, if these are not all."""
    return Html("") if number is None else quiet(shell.words.say("of_the_first", number=shown(number)))


def share(numbers: Sequence[tuple[str, int]]) -> Html:
    """Return a bar that shows shares; the numbers stand beside it, so that it is hidden from readers."""
    total = sum(number for _, number in numbers)
    bars: list[Html] = []
    at = 0.0
    for kind, number in numbers:
        if number:
            # What is there is to be seen, however little it is.
            width = max(1.5, 100 * number / total)
            where = {"x": f"{at:.2f}", "y": "0", "width": f"{width:.2f}", "height": "10"}
            bars.append(element("rect", {**where, "class": f"f-{kind}"}))
            at += width
    box = {"viewBox": f"0 0 {max(at, 1):.2f} 10", "preserveAspectRatio": "none"}
    return element("svg", {"class": "share", "aria-hidden": "true", **box}, *bars)


def legend(entries: Iterable[tuple[str, str]]) -> Html:
    """Say what the colours mean."""
    items = [
        element(
            "span",
            None,
            element(
                "svg",
                {"viewBox": "0 0 10 10", "aria-hidden": "true"},
                element("rect", {"width": "10", "height": "10", "rx": "2", "class": f"f-{kind}"}),
            ),
            said,
        )
        for kind, said in entries
    ]
    return element("p", {"class": "legend"}, joined(*items))
