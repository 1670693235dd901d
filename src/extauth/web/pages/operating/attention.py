"""All that the overview says, and what of it somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias, final

import attrs

from extauth.domain.fence import DOUBTFUL, FENCED
from extauth.domain.pauses import ProviderPause
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.domain.readiness import Readiness
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
from extauth.web.pages.layout import Shell
from extauth.web.pages.operating.parts import shown
from extauth.web.recent import Minute, Trouble

_Told: TypeAlias = tuple[str, str, str | None]
"""How bad it is, a sentence, and the command that helps."""


@final
@attrs.frozen(kw_only=True)
class Overview:
    """All that the overview says."""

    ready: Readiness
    links: LinkCounts | Missing
    marks: Marks | Missing
    endings: Endings | Missing
    due: tuple[DueLinks, ...] | Missing
    sealing: Sealing | Missing
    outbox: OutboxState | Missing
    audit: Entries | Missing
    pauses: tuple[ProviderPause, ...]
    minutes: tuple[Minute, ...] | None
    """Of this process; None if it was not watched."""
    troubles: tuple[Trouble, ...]
    recent_since: datetime | None

    @property
    def stored(self) -> tuple[object, ...]:
        """The parts that access rules are about."""
        return self.links, self.marks, self.endings, self.due, self.sealing, self.outbox, self.audit


def _told(shell: Shell, facts: Overview) -> list[_Told]:
    """Return what somebody should look at, the worst first."""
    say = shell.words.say
    told: list[_Told] = []
    if facts.ready.reason is not None:
        why = say(f"ready.{facts.ready.reason}")
        told.append(("bad", say("attention.not_ready", reason=why), "extauth doctor"))

    for kind, name, number, command in _numbers(facts):
        if number:
            told.append((kind, say(f"attention.{name}", number=shown(number)), command))
    for pause in facts.pauses:
        seconds = str(round(pause.remaining.total_seconds()))
        sentence = say("attention.paused", provider=pause.provider_id, seconds=seconds, reason=pause.reason)
        told.append(("warn", sentence, None))
    return told


def _numbers(facts: Overview) -> Iterator[tuple[str, str, int, str | None]]:
    links, marks = facts.links, facts.marks
    if not isinstance(links, str):
        yield "bad", "broken", links.in_state("broken"), "extauth links --state broken"
        yield "bad", "unreadable", links.in_state("unreadable"), "extauth doctor"
    if not isinstance(facts.outbox, str):
        yield "bad", "dead", facts.outbox.dead, "extauth outbox"
    if not isinstance(marks, str):
        yield "warn", "probably_broken", marks.of_kind("probably_broken"), _of_reason(PROBABLY_DEAD)
        yield "warn", "fenced", marks.of_kind("fenced"), _of_reason(FENCED)
        yield "warn", "doubtful", marks.of_kind("doubtful"), _of_reason(DOUBTFUL)
    if not isinstance(links, str):
        yield "warn", "unresolved", links.in_state("unresolved"), "extauth links --state unresolved"
    if not isinstance(facts.endings, str):
        yield "warn", "ending", len(facts.endings.links), None
    if not isinstance(facts.sealing, str) and facts.sealing.mixed:
        yield "warn", "plain", facts.sealing.plain, "extauth rotate"


def _of_reason(reason: str) -> str:
    return f"extauth links --reason {reason}"


def attention_part(shell: Shell, facts: Overview) -> Html:
    """Return the card that says it, or that there is nothing."""
    told = _told(shell, facts)
    heading = element("h2", {"id": "attention"}, shell.words.say("attention"))
    if not told:
        calm = element("p", None, shell.words.say("attention.none"))
        return element(
            "section", {"class": "card attend calm", "aria-labelledby": "attention"}, heading, calm
        )
    items = [
        element(
            "li",
            None,
            element("span", {"class": kind}, sentence),
            Html("") if command is None else element("code", None, command),
        )
        for kind, sentence, command in told
    ]
    body = element("ul", None, *items)
    return element("section", {"class": "card attend", "aria-labelledby": "attention"}, heading, body)
