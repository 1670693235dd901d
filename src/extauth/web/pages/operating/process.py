"""What this process alone has seen: its last hour, and whom it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from extauth.domain.pauses import ProviderPause
from extauth.web.pages.html import Html, element
from extauth.web.pages.layout import Shell
from extauth.web.pages.operating.parts import Cell, legend, moment, part, quiet, shown, table
from extauth.web.recent import Minute, Trouble

_WIDTH, _HEIGHT = 10, 100
_MOST_TROUBLES = 5


def recent_part(
    shell: Shell, minutes: Sequence[Minute] | None, troubles: Sequence[Trouble], since: datetime | None
) -> Html:
    """Return the last hour as bars, and the last failures."""
    words = shell.words
    if minutes is None or since is None:
        return part(shell, "recent", quiet(words.say("recent.none")), size="whole")
    sums = {
        name: shown(sum(getattr(each, name) for each in minutes)) for name in ("refreshed", "failed", "ended")
    }
    said = words.say("recent.said", **sums)
    kinds = (("good", "refreshed"), ("warn", "failed"), ("bad", "ended"))
    axis = element(
        "div",
        {"class": "axis"},
        *(element("time", {"datetime": each.at.isoformat()}, f"{each.at:%H:%M}") for each in minutes[::20]),
        element("time", {"datetime": minutes[-1].at.isoformat()}, f"{minutes[-1].at:%H:%M}"),
    )
    headings = [
        (words.say("recent.at"), False),
        (words.say("provider"), False),
        (words.say("reason"), False),
        (words.say("state"), False),
    ]
    rows: list[list[Cell]] = [
        [each.at, each.provider, each.reason, words.say(f"recent.{each.outcome}")]
        for each in troubles[:_MOST_TROUBLES]
    ]
    return part(
        shell,
        "recent",
        quiet(f"{said} {words.say('recent.of_process', time=moment(since))}"),
        legend([(kind, words.say(f"recent.{name}")) for kind, name in kinds]),
        _chart(minutes, said),
        axis,
        table(words.say("part.recent"), headings, rows) if rows else Html(""),
        size="whole",
    )


def _chart(minutes: Sequence[Minute], said: str) -> Html:
    highest = max(1, *(each.refreshed + each.failed + each.ended for each in minutes))
    bars: list[Html] = []
    for place, each in enumerate(minutes):
        top = float(_HEIGHT)
        for kind, number in (("good", each.refreshed), ("warn", each.failed), ("bad", each.ended)):
            if number:
                height = _HEIGHT * number / highest
                top -= height
                where = {"x": str(place * _WIDTH + 1), "y": f"{top:.2f}", "width": str(_WIDTH - 2)}
                bars.append(element("rect", {**where, "height": f"{height:.2f}", "class": f"f-{kind}"}))
    box = {"viewBox": f"0 0 {len(minutes) * _WIDTH} {_HEIGHT}", "preserveAspectRatio": "none"}
    return element("svg", {"class": "chart", "role": "img", "aria-label": said, **box}, *bars)


def pauses_part(shell: Shell, pauses: Sequence[ProviderPause]) -> Html:
    """Return the providers that this process leaves alone."""
    words = shell.words
    headings = [
        (words.say("provider"), False),
        (words.say("reason"), False),
        (words.say("pauses.seconds"), True),
    ]
    rows: list[list[Cell]] = [
        [each.provider_id, each.reason, round(each.remaining.total_seconds())] for each in pauses
    ]
    body = table(words.say("part.pauses"), headings, rows) if rows else quiet(words.say("pauses.none"))
    return part(shell, "pauses", body, quiet(words.say("pauses.of_process")))
