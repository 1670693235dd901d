"""One rotation drawn as a timeline: an SVG with replicas and callers as lanes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import final
from xml.sax.saxutils import escape

import attrs

from extauth.cli.demo.messages import Question
from extauth.cli.demo.rotations import Rotation

WIDTH = 1200
MARGIN = 40
LANES_LEFT = 230
LANES_RIGHT = WIDTH - MARGIN
TOP = 150
SERVER_HEIGHT = 54
PITCH = 9
"""From one caller's lane to the next."""
REPLICA_GAP = 30
REPLICA_MIN_HEIGHT = 38
"""Its label has two lines."""
FOOT = 92

TICKS_WANTED = 12

STYLE = """
  text { font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2937 }
  .title { font-size: 24px; font-weight: 650 }
  .sub { font-size: 14px; fill: #4b5563 }
  .name { font-size: 14px; font-weight: 600 }
  .note { font-size: 12px; fill: #6b7280 }
  .tick { font-size: 12px; fill: #6b7280; text-anchor: middle }
  .paper { fill: #fcfcfd }
  .group { fill: #f3f4f6 }
  .grid { stroke: #e5e7eb; stroke-width: 1 }
  .lane { stroke: #e2e5ea; stroke-width: 1 }
  .span { fill: #f59e0b; fill-opacity: .10 }
  .edge { stroke: #d97706; stroke-width: 1; stroke-dasharray: 3 4 }
  .exchange { fill: #d97706 }
  .presented { fill: #fff7ed }
  .on-exchange { font-size: 13px; font-weight: 600; fill: #fff; text-anchor: middle }
  .wait { stroke: #93c5fd; stroke-width: 4; stroke-linecap: round }
  .served { fill: #0f766e }
  .at-once { fill: #9ca3af }
"""


@final
@attrs.frozen
class _Scale:
    """From seconds on the replicas' clock to x; zero on the axis is the start of the exchange."""

    first: float
    last: float
    zero: float

    def x(self, at: float) -> float:
        share = (at - self.first) / (self.last - self.first)
        return round(LANES_LEFT + share * (LANES_RIGHT - LANES_LEFT), 1)

    def milliseconds(self, at: float) -> float:
        return (at - self.zero) * 1000


def draw(rotation: Rotation, replicas: int) -> str:
    """Return the picture as an SVG document with a background of its own.

    The exchange is the bar in the top lane; each caller of the link has a lane under its replica, with a
    light bar while it waited and a dot when it was served. Questions that reach beyond the picture are
    cut at its edge.
    """
    scale = _scale(rotation)
    grounds: list[str] = []
    lanes: list[str] = []
    y = TOP + SERVER_HEIGHT + REPLICA_GAP
    for replica in range(replicas):
        body, height = _replica(rotation, replica, scale, y)
        grounds.append(
            f'<rect class="group" x="{MARGIN - 14}" y="{y - 10}" width="{LANES_RIGHT - MARGIN + 28}"'
            f' height="{height + 16}" rx="8"/>'
        )
        lanes += body
        y += height + REPLICA_GAP
    bottom = y - REPLICA_GAP + 10
    height = bottom + FOOT
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">'
        ),
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>',
        *grounds,
        *_heading(rotation),
        *_axis(scale, bottom),
        *_exchange(rotation, scale, bottom),
        *lanes,
        *_legend(bottom + 62),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scale(rotation: Rotation) -> _Scale:
    exchange = rotation.exchange
    last_waiter = max((question.served for question in rotation.waiting), default=exchange.saved)
    length = max(last_waiter, exchange.saved) - exchange.started
    return _Scale(
        first=exchange.started - 0.2 * length, last=exchange.started + 1.25 * length, zero=exchange.started
    )


def _heading(rotation: Rotation) -> Iterator[str]:
    lanes = len({(question.replica, question.caller) for question in rotation.waiting})
    title = (
        f"One rotation: {_count(lanes, 'caller')} on {_count(rotation.replicas_waiting, 'replica')} wait,"
        f" {_count(len(rotation.presentations), 'exchange')}"
    )
    yield _text(MARGIN, 52, "title", title, ' id="title"')
    yield _text(
        MARGIN, 80, "sub", "The access token of one link is about to expire, and all its callers ask for it."
    )
    who = f"Replica {rotation.exchange.replica + 1} presents the refresh token and saves the new tokens;"
    yield _text(MARGIN, 101, "sub", f"{who} whoever asks meanwhile waits for them, in every process.")


def _axis(scale: _Scale, bottom: int) -> Iterator[str]:
    step = _step(scale.milliseconds(scale.last) - scale.milliseconds(scale.first))
    tick = -(-scale.milliseconds(scale.first) // step) * step
    while tick <= scale.milliseconds(scale.last):
        x = scale.x(scale.zero + tick / 1000)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 12}" y2="{bottom}"/>'
        yield _text(x, bottom + 18, "tick", f"{tick:+.0f} ms" if tick else "0 ms")
        tick += step


def _step(span: float) -> int:
    """Return a round number of milliseconds that gives about the wanted number of ticks."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if span / step <= TICKS_WANTED:
                return step
        size *= 10


def _exchange(rotation: Rotation, scale: _Scale, bottom: int) -> Iterator[str]:
    exchange = rotation.exchange
    left, right = scale.x(exchange.started), scale.x(exchange.saved)
    width = round(right - left, 1)
    yield f'<rect class="span" x="{left}" y="{TOP}" width="{width}" height="{bottom - TOP}"/>'
    for x in (left, right):
        yield f'<line class="edge" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>'
    yield _text(MARGIN, TOP + 23, "name", "Authorization server")
    yield _text(MARGIN, TOP + 40, "note", f"saw {_count(len(rotation.presentations), 'presentation')}")
    middle = TOP + SERVER_HEIGHT / 2
    yield (
        f'<rect class="exchange" x="{left}" y="{middle - 14}" width="{width}" height="28" rx="6">'
        "<title>the exchange, from its start until the new tokens are saved</title></rect>"
    )
    for at in rotation.presentations:
        x = scale.x(at)
        yield (
            f'<path class="presented" d="M{x} {middle - 6} l6 6 -6 6 -6 -6z">'
            f"<title>the refresh token is presented, {scale.milliseconds(at):.0f} ms</title></path>"
        )
    took = scale.milliseconds(exchange.saved)
    yield _text(
        round((left + right) / 2, 1), middle + 4.5, "on-exchange", f"exchange and save, {took:.0f} ms"
    )


def _replica(rotation: Rotation, replica: int, scale: _Scale, top: int) -> tuple[list[str], int]:
    """Return a replica's lanes and their height."""
    ours = [question for question in rotation.questions if question.replica == replica]
    by_caller = groupby(sorted(ours, key=lambda question: (question.caller, question.asked)), key=_caller)
    callers = [tuple(questions) for _, questions in by_caller]
    # Who asked first comes first: the lanes then show how the crowd gathers.
    callers.sort(key=lambda questions: min(_first_wait(rotation, questions)))
    height = max(len(callers) * PITCH + 6, REPLICA_MIN_HEIGHT)
    exchanged = replica == rotation.exchange.replica
    waiting = [question for question in ours if rotation.waited(question)]
    note = f"{len(waiting)} waited"
    if waiting:
        last = scale.milliseconds(max(question.served for question in waiting))
        note += f", served by {last:.0f} ms"
    parts = [
        _text(MARGIN, top + 12, "name", f"Replica {replica + 1}" + (" exchanges" if exchanged else "")),
        _text(MARGIN, top + 29, "note", note),
    ]
    for lane, questions in enumerate(callers):
        parts += _caller_lane(rotation, questions, scale, top + 6 + lane * PITCH)
    return parts, height


def _first_wait(rotation: Rotation, questions: Sequence[Question]) -> Iterator[float]:
    waits = [question.asked for question in questions if rotation.waited(question)]
    yield from waits or [float("inf")]


def _caller(question: Question) -> int:
    return question.caller


def _caller_lane(rotation: Rotation, questions: Iterable[Question], scale: _Scale, y: float) -> Iterator[str]:
    yield f'<line class="lane" x1="{LANES_LEFT}" x2="{LANES_RIGHT}" y1="{y}" y2="{y}"/>'
    for question in questions:
        left, right = max(question.asked, scale.first), question.served
        if right < scale.first or right > scale.last:
            continue
        kind = "at-once"
        if rotation.waited(question):
            kind = "served"
            yield (
                f'<line class="wait" x1="{scale.x(left)}" x2="{scale.x(right)}" y1="{y}" y2="{y}">'
                f"<title>caller {question.caller + 1} waited"
                f" {(question.served - question.asked) * 1000:.0f} ms</title></line>"
            )
        radius = 3.2 if kind == "served" else 1.8
        yield f'<circle class="{kind}" cx="{scale.x(right)}" cy="{y}" r="{radius}"/>'


def _legend(y: float) -> Iterator[str]:
    x = LANES_LEFT
    mid = y - 4
    entries = (
        ('<rect class="exchange" x="0" y="-6" width="24" height="12" rx="3"/>', "the exchange"),
        (
            (
                '<rect class="exchange" x="2" y="-10" width="20" height="20" rx="4"/>'
                '<path class="presented" d="M12 -6 l6 6 -6 6 -6 -6z"/>'
            ),
            "refresh token presented",
        ),
        ('<line class="wait" x1="2" x2="22" y1="0" y2="0"/>', "a caller waits"),
        ('<circle class="served" cx="12" cy="0" r="4"/>', "served the new token"),
        ('<circle class="at-once" cx="12" cy="0" r="2.4"/>', "served at once"),
    )
    for mark, words in entries:
        yield f'<g transform="translate({x} {mid})">{mark}</g>'
        yield _text(x + 32, y, "note", words)
        x += 32 + 7 * len(words) + 22


def _text(x: float, y: float, kind: str, text: str, attributes: str = "") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}"{attributes}>{escape(text)}</text>'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
