"""A refresh token of the naive loop's as a timeline: who presented it, and what the row then held. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from extauth.cli.demo.drawing import (
    FOOT,
    LANES_RIGHT,
    MARGIN,
    REPLICA_GAP,
    SERVER_HEIGHT,
    TOP,
    Lanes,
    Scale,
    Section,
    axis,
    count,
    legend,
    replica_lanes,
    text,
)
from extauth.cli.demo.messages import Attempt
from extauth.cli.demo.rotations import Race

ROW_HEIGHT = 44
"""Of the lane that shows what the row in the database holds."""

_ROW_WORDS = 9
"""Width of a letter in that lane; what does not fit is left to the tooltip."""


def race_timeline(race: Race, replicas: int, length: float) -> Section:
    """Return the timeline of a race; ``length`` is what of it is to be seen, in seconds.

    On top is what the server did with each presentation, then what the row held; each presentation has a
    lane under its replica, from the request to the answer and on to the write that it led to, or to the edge.
    """
    scale = Scale.of(race.attempts[0].presented, length)
    row_top = TOP + SERVER_HEIGHT
    grounds, lanes, bottom = replica_lanes(
        (_replica(race, replica, scale) for replica in range(replicas)), row_top + ROW_HEIGHT + REPLICA_GAP
    )
    return Section(
        [
            *grounds,
            *_heading(race),
            *axis(scale, bottom),
            *_server(race, scale),
            *_row(race, scale, row_top),
            *lanes,
            *legend(_LEGEND, bottom + 62),
        ],
        bottom + FOOT,
    )


def _heading(race: Race) -> Iterator[str]:
    presents = "presents" if len(race.attempts) == 1 else "present"
    title = (
        f"The naive loop: {count(len(race.attempts), 'caller')} on"
        f" {count(race.replicas_presenting, 'replica')} {presents} the same refresh token"
    )
    yield text(MARGIN, 52, "title", title, ' id="naive-title"')
    yield text(MARGIN, 80, "sub", _what_the_server_did(race))
    yield text(MARGIN, 101, "sub", _what_became_of_the_row(race))


def _what_the_server_did(race: Race) -> str:
    gives = f"gives new tokens {_times(len(race.rotated))}" if race.rotated else "gives no new tokens"
    said = f"The same storm, to the same scale. The server {gives}"
    if not race.revoking:
        return f"{said} and revokes nothing."
    return f"{said}; the next presentation it takes for theft, and revokes the grant."


def _what_became_of_the_row(race: Race) -> str:
    refused = sum(attempt.refused for attempt in race.attempts)
    if not refused:
        return "No caller is refused: this time all goes well."
    answered = f"{count(refused, 'caller')} {'is' if refused == 1 else 'are'} refused"
    if race.cleared:
        return f"{answered} and the refresh token in the row is cleared: the user must connect again."
    return f"{answered}; what the row holds in the end is dead all the same: the user must connect again."


def _server(race: Race, scale: Scale) -> Iterator[str]:
    yield text(MARGIN, TOP + 23, "name", "Authorization server")
    yield text(MARGIN, TOP + 40, "note", f"saw {count(len(race.presentations), 'presentation')}")
    # On a height each: they come so close together that they would hide each other.
    for y, kind, became, presentations in (
        (TOP + 10, "rotated", "answered with new tokens", race.rotated),
        (TOP + 27, "revoking", "taken for theft, the grant is revoked", race.revoking),
        (TOP + 44, "asked", "refused", race.refused),
    ):
        for each in presentations:
            yield (
                f'<path class="{kind}" d="M{scale.x(each.at)} {y - 8} l6 8 -6 8 -6 -8z">'
                f"<title>presented, {scale.milliseconds(each.at):.0f} ms: {became}</title></path>"
            )


def _row(race: Race, scale: Scale, top: int) -> Iterator[str]:
    """Draw what the row held, from write to write."""
    yield text(MARGIN, top + 18, "name", "Row in the database")
    cleared = sum(attempt.refused for attempt in race.attempts)
    yield text(MARGIN, top + 35, "note", f"cleared {_times(cleared)}")
    states = [("before", scale.first), *race.holds()]
    for number, (kind, since) in enumerate(states):
        holds = _HELD[kind]
        left = scale.x(since)
        right = scale.x(states[number + 1][1]) if number + 1 < len(states) else LANES_RIGHT
        width = round(right - left, 1)
        yield (
            f'<rect class="row-{kind}" x="{left}" y="{top + 10}" width="{width}" height="22">'
            f"<title>from {scale.milliseconds(since):.0f} ms: {holds}</title></rect>"
        )
        if width >= _ROW_WORDS * len(holds):
            yield text(round((left + right) / 2, 1), top + 25, f"on-row on-{kind}", holds)


def _replica(race: Race, replica: int, scale: Scale) -> Lanes:
    ours = [attempt for attempt in race.attempts if attempt.replica == replica]
    refused = sum(attempt.refused for attempt in ours)
    note = f"{len(ours) - refused} saved, {refused} cleared"
    return Lanes(f"Replica {replica + 1}", note, [partial(_lane, attempt, scale) for attempt in ours])


def _lane(attempt: Attempt, scale: Scale, y: float) -> Iterator[str]:
    presented, answered, written = map(scale.x, (attempt.presented, attempt.answered, attempt.written))
    became, wrote = ("refused", "cleared") if attempt.refused else ("given new tokens", "saved")
    yield (
        f'<line class="wait" x1="{presented}" x2="{answered}" y1="{y}" y2="{y}">'
        f"<title>presented {scale.milliseconds(attempt.presented):.0f} ms, {became}"
        f" {scale.milliseconds(attempt.answered):.0f} ms, {wrote}"
        f" {scale.milliseconds(attempt.written):.0f} ms</title></line>"
    )
    yield f'<line class="writing" x1="{answered}" x2="{min(written, LANES_RIGHT)}" y1="{y}" y2="{y}"/>'
    if attempt.refused:
        yield f'<path class="refused" d="M{answered - 3} {y - 3} l6 6 m0 -6 l-6 6"/>'
    else:
        yield f'<circle class="served" cx="{answered}" cy="{y}" r="3.2"/>'
    if written <= LANES_RIGHT:
        yield f'<rect class="{wrote}" x="{written - 3}" y="{y - 3}" width="6" height="6"/>'


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")


_HELD = {"before": "the refresh token", "saved": "new tokens", "cleared": "no refresh token"}

_LEGEND = (
    ('<path class="rotated" d="M12 -8 l6 8 -6 8 -6 -8z"/>', "server rotates"),
    ('<path class="revoking" d="M12 -8 l6 8 -6 8 -6 -8z"/>', "revokes"),
    ('<path class="asked" d="M12 -8 l6 8 -6 8 -6 -8z"/>', "refuses"),
    ('<circle class="served" cx="12" cy="0" r="4"/>', "gets new tokens"),
    ('<path class="refused" d="M8 -4 l8 8 m0 -8 l-8 8"/>', "is refused"),
    ('<rect class="saved" x="9" y="-3" width="6" height="6"/>', "row saved"),
    ('<rect class="cleared" x="9" y="-3" width="6" height="6"/>', "row cleared"),
)
