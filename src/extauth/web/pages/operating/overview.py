"""The overview: what needs attention first, then each part in a card."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from extauth.web.operating.facts import (
    DueLinks,
    Endings,
    Entries,
    LinkCounts,
    Marks,
    Missing,
    OutboxState,
    Sealing,
)
from extauth.web.pages.html import Html, element
from extauth.web.pages.layout import Shell, link_button
from extauth.web.pages.operating.attention import Overview, attention_part
from extauth.web.pages.operating.lists import entries_table, links_path
from extauth.web.pages.operating.parts import (
    Cell,
    alarm,
    frame,
    hint,
    moment,
    of_the_first,
    part,
    quiet,
    share,
    shown,
    table,
)
from extauth.web.pages.operating.process import pauses_part, recent_part
from extauth.web.response import WebResponse

GROUPS: Final = {
    "working": (("ok", "expiring", "leased"), "good"),
    "expired": (("expired",), "mute"),
    "cooling": (("cooling",), "warn"),
    "unresolved": (("unresolved",), "warn"),
    "broken": (("broken",), "bad"),
    "unreadable": (("unreadable",), "bad"),
}
"""Which states of the inventory are counted together, and in which colour."""

_MOST_ENDINGS: Final = 8


def overview_page(shell: Shell, facts: Overview, operator: str, now: datetime) -> WebResponse:
    """Return the page."""
    cards = [
        _links(shell, facts.links),
        recent_part(shell, facts.minutes, facts.troubles, facts.recent_since),
        _marks(shell, facts.marks),
        _due(shell, facts.due),
        _endings(shell, facts.endings),
        _outbox(shell, facts.outbox),
        _sealing(shell, facts.sealing),
        pauses_part(shell, facts.pauses),
        _audit(shell, facts.audit),
    ]
    return frame(
        shell,
        "overview",
        operator,
        now,
        attention_part(shell, facts),
        element("div", {"class": "grid"}, *cards),
        ready=facts.ready,
    )


def _missing(shell: Shell, name: str, why: Missing, size: str = "") -> Html:
    return part(shell, name, quiet(shell.words.say(f"missing.{why}")), size=size)


def _links(shell: Shell, counts: LinkCounts | Missing) -> Html:
    if isinstance(counts, str):
        return _missing(shell, "links", counts, "whole")
    words = shell.words
    headings = [(words.say("provider"), False), (words.say("share"), False), (words.say("total"), True)]
    headings += [(words.say(f"group.{name}"), True) for name in GROUPS]
    rows: list[list[Cell]] = []
    for each in counts.providers:
        numbers = {
            name: sum(each.states.get(state, 0) for state in states) for name, (states, _) in GROUPS.items()
        }
        listed = element("a", {"href": links_path(shell, provider=each.provider)}, each.provider)
        name = listed if each.served else element("span", None, listed, f" ({words.say('not_served')})")
        cells: list[Cell] = [
            alarm(number, look) if (look := GROUPS[group][1]) in {"bad", "warn"} else number
            for group, number in numbers.items()
        ]
        bar = share([(GROUPS[group][1], number) for group, number in numbers.items()])
        rows.append([name, bar, each.total, *cells])
    hints = [hint(shell, "extauth links --count", "count"), hint(shell, "extauth links", "links")]
    shown_rows = table(words.say("part.links"), headings, rows)
    return part(
        shell, "links", shown_rows, of_the_first(shell, counts.of_the_first), size="whole", hints=hints
    )


def _marks(shell: Shell, marks: Marks | Missing) -> Html:
    if isinstance(marks, str):
        return _missing(shell, "marks", marks, "most")
    words = shell.words
    headings = [
        (words.say("provider"), False),
        (words.say("reason"), False),
        (words.say("marks.kind"), False),
        (words.say("links"), True),
        (words.say("marks.newest"), False),
    ]
    looks = {"broken": "bad", "probably_broken": "bad", "fenced": "warn", "doubtful": "warn", "retried": ""}
    rows: list[list[Cell]] = [
        [
            each.provider,
            element(
                "a", {"href": links_path(shell, provider=each.provider, reason=each.reason)}, each.reason
            ),
            element("span", {"class": f"badge {looks[each.kind]}".strip()}, words.say(f"mark.{each.kind}")),
            each.links,
            each.newest,
        ]
        for each in marks.marks
    ]
    body = table(words.say("part.marks"), headings, rows) if rows else quiet(words.say("marks.none"))
    hints = [hint(shell, "extauth retry PROVIDER", "retry")]
    return part(shell, "marks", body, of_the_first(shell, marks.of_the_first), size="most", hints=hints)


def _endings(shell: Shell, endings: Endings | Missing) -> Html:
    if isinstance(endings, str):
        return _missing(shell, "endings", endings)
    words = shell.words
    names = ("provider", "user", "endings.at", "endings.source")
    rows: list[list[Cell]] = [
        [each.provider, each.user, each.ends_at, each.source] for each in endings.links[:_MOST_ENDINGS]
    ]
    left = len(endings.links) - len(rows)
    headings = [(words.say(name), False) for name in names]
    body = table(words.say("part.endings"), headings, rows) if rows else quiet(words.say("endings.none"))
    more = quiet(f"+ {shown(left)}") if left > 0 else Html("")
    return part(shell, "endings", body, more, of_the_first(shell, endings.of_the_first))


def _due(shell: Shell, due: tuple[DueLinks, ...] | Missing) -> Html:
    if isinstance(due, str):
        return _missing(shell, "due", due, "third")
    words = shell.words
    headings = [(words.say("provider"), False), (words.say("links"), True), (words.say("due.oldest"), False)]
    rows: list[list[Cell]] = [
        [
            each.provider,
            words.say("due.more", number=shown(each.links)) if each.more else each.links,
            each.oldest,
        ]
        for each in due
        if each.links
    ]
    body = table(words.say("part.due"), headings, rows) if rows else quiet(words.say("due.none"))
    return part(shell, "due", body, size="third", hints=[hint(shell, "extauth upkeep", "upkeep")])


def _sealing(shell: Shell, sealing: Sealing | Missing) -> Html:
    if isinstance(sealing, str):
        return _missing(shell, "keys", sealing)
    words = shell.words
    headings = [(words.say("key"), False), (words.say("links"), True)]
    rows: list[list[Cell]] = [[each.key or words.say("keys.plain"), each.links] for each in sealing.keys]
    body = table(words.say("part.keys"), headings, rows) if rows else quiet(words.say("keys.none"))
    whole = element("p", {"class": "then"}, link_button(f"{shell.site.home}keys", words.say("keys.count")))
    hints = [hint(shell, "extauth rotate", "rotate")]
    bound = of_the_first(shell, sealing.of_the_first)
    return part(shell, "keys", body, bound, whole, hints=hints)


def _outbox(shell: Shell, outbox: OutboxState | Missing) -> Html:
    if isinstance(outbox, str):
        return _missing(shell, "outbox", outbox)
    words = shell.words
    until = outbox.listening_until
    listening = words.say("outbox.nobody") if until is None else words.say("outbox.until", time=moment(until))
    waiting = words.say("outbox.waiting")
    if outbox.oldest is not None:
        waiting = f"{waiting}, {words.say('outbox.oldest', time=moment(outbox.oldest))}"
    figures = element(
        "div",
        {"class": "figures"},
        element("div", None, element("strong", None, shown(outbox.waiting)), element("span", None, waiting)),
        element(
            "div",
            None,
            element("strong", {"class": "bad" if outbox.dead else False}, shown(outbox.dead)),
            element("span", None, words.say("outbox.dead")),
        ),
    )
    names = ("outbox.number", "outbox.event", "provider", "user", "outbox.code")
    rows: list[list[Cell]] = [
        [each.number, each.event, each.provider, each.user, each.code] for each in outbox.letters
    ]
    headings = [(words.say(name), False) for name in names]
    letters = table(words.say("outbox.dead"), headings, rows) if rows else Html("")
    hints = [hint(shell, "extauth outbox", "outbox")]
    return part(shell, "outbox", figures, letters, quiet(listening), hints=hints)


def _audit(shell: Shell, audit: Entries | Missing) -> Html:
    if isinstance(audit, str):
        return _missing(shell, "audit", audit, "whole")
    words = shell.words
    whole = element("p", {"class": "then"}, link_button(f"{shell.site.home}audit", words.say("audit.all")))
    hints = [hint(shell, "extauth audit", "audit")]
    return part(shell, "audit", entries_table(shell, audit.entries), whole, size="whole", hints=hints)
