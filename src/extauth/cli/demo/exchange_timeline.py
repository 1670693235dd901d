"""One rotation of extauth's drawn as a timeline: who waited for the one exchange. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby

from extauth.cli.demo.drawing import (
    FOOT,
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
from extauth.cli.demo.messages import Question
from extauth.cli.demo.rotations import Rotation

_LETTER = 8
"""Width of one on the exchange's bar; words that do not fit stand beside it."""


def exchange_timeline(rotation: Rotation, replicas: int, length: float) -> Section:
    """Return the timeline of a rotation; ``length`` is what of it is to be seen, in seconds.

    The exchange is the bar in the top lane; each caller of the link has a lane under its replica, with a
    light bar while it waited and a dot when it was served. Questions that reach beyond the picture are
    cut at its edge.
    """
    scale = Scale.of(rotation.exchange.started, length)
    grounds, lanes, bottom = replica_lanes(
        (_replica(rotation, replica, scale) for replica in range(replicas)), TOP + SERVER_HEIGHT + REPLICA_GAP
    )
    return Section(
        [
            *grounds,
            *_heading(rotation),
            *axis(scale, bottom),
            *_exchange(rotation, scale, bottom),
            *lanes,
            *legend(_LEGEND, bottom + 62),
        ],
        bottom + FOOT,
    )


def _heading(rotation: Rotation) -> Iterator[str]:
    lanes = len({(question.replica, question.caller) for question in rotation.waiting})
    title = (
        f"One rotation: {count(lanes, 'caller')} on {count(rotation.replicas_waiting, 'replica')} wait,"
        f" {count(len(rotation.presentations), 'exchange')}"
    )
    yield text(MARGIN, 52, "title", title, ' id="title"')
    yield text(
        MARGIN, 80, "sub", "The access token of one link is about to expire, and all its callers ask for it."
    )
    who = f"Replica {rotation.exchange.replica + 1} presents the refresh token and saves the new tokens;"
    yield text(MARGIN, 101, "sub", f"{who} whoever asks meanwhile waits for them, in every process.")


def _exchange(rotation: Rotation, scale: Scale, bottom: int) -> Iterator[str]:
    exchange = rotation.exchange
    left, right = scale.x(exchange.started), scale.x(exchange.saved)
    width = round(right - left, 1)
    yield f'<rect class="span" x="{left}" y="{TOP}" width="{width}" height="{bottom - TOP}"/>'
    for x in (left, right):
        yield f'<line class="edge" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>'
    yield text(MARGIN, TOP + 23, "name", "Authorization server")
    yield text(MARGIN, TOP + 40, "note", f"saw {count(len(rotation.presentations), 'presentation')}")
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
    words = f"exchange and save, {took:.0f} ms"
    if width >= _LETTER * len(words):
        yield text(round((left + right) / 2, 1), middle + 4.5, "on-exchange", words)
    else:
        yield text(right + 10, middle + 4.5, "note", words)


def _replica(rotation: Rotation, replica: int, scale: Scale) -> Lanes:
    ours = [question for question in rotation.questions if question.replica == replica]
    by_caller = groupby(sorted(ours, key=lambda question: (question.caller, question.asked)), key=_caller)
    callers = [tuple(questions) for _, questions in by_caller]
    # Who asked first comes first: the lanes then show how the crowd gathers.
    callers.sort(key=lambda questions: min(_first_wait(rotation, questions)))
    exchanged = replica == rotation.exchange.replica
    waiting = [question for question in ours if rotation.waited(question)]
    note = f"{len(waiting)} waited"
    if waiting:
        last = scale.milliseconds(max(question.served for question in waiting))
        note += f", served by {last:.0f} ms"
    return Lanes(
        f"Replica {replica + 1}" + (" exchanges" if exchanged else ""),
        note,
        [partial(_caller_lane, rotation, questions, scale) for questions in callers],
    )


def _first_wait(rotation: Rotation, questions: Sequence[Question]) -> Iterator[float]:
    waits = [question.asked for question in questions if rotation.waited(question)]
    yield from waits or [float("inf")]


def _caller(question: Question) -> int:
    return question.caller


def _caller_lane(rotation: Rotation, questions: Iterable[Question], scale: Scale, y: float) -> Iterator[str]:
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


_LEGEND = (
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
