"""The timelines of the picture for a terminal: a line for each replica. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from rich.text import Text

from extauth.cli.demo.drawing import count
from extauth.cli.demo.rotations import Race, Rotation, common_length

WIDEST = 100
"""Columns; more would only stretch it."""

LABEL = 11

_GOOD, _BAD, _QUIET, _ASKED = "bold green", "bold red", "blue", "yellow"


def sketch(rotation: Rotation | None, race: Race | None, replicas: int, width: int) -> Text:
    """Return one rotation of each way, to the same scale from its first presentation on."""
    columns = min(width, WIDEST) - LABEL - 1
    length = common_length(rotation, race)
    lines: list[Text] = []
    if rotation is not None:
        lines += [Text(), *_rotation(rotation, replicas, length, columns)]
    if race is not None:
        lines += [Text(), *_race(race, replicas, length, columns)]
    end = f"{length * 1000:.0f} ms"
    lines.append(Text(" " * LABEL + "0 ms" + end.rjust(columns - 4), style="dim"))
    lines += [Text(words, style="dim") for words in (*_KEY, "")]
    return Text("\n").join(lines)


@final
class _Line:
    """One lane, a character for each column."""

    def __init__(self, zero: float, length: float, columns: int) -> None:
        self._zero = zero
        self._length = length
        self._cells = [(" ", "")] * columns

    def span(self, since: float, until: float, mark: str, style: str) -> None:
        """Fill what is empty from one instant to another."""
        for column in range(max(self._column(since), 0), min(self._column(until) + 1, len(self._cells))):
            if self._cells[column][0] == " ":
                self._cells[column] = (mark, style)

    def put(self, at: float, mark: str, style: str) -> None:
        """Mark an instant, unless it is beyond the edge."""
        column = self._column(at)
        if 0 <= column < len(self._cells):
            self._cells[column] = (mark, style)

    def text(self, label: str) -> Text:
        """Return the lane with its name."""
        line = Text.assemble(f"{label:{LABEL}}", *self._cells)
        line.rstrip()
        return line

    def _column(self, at: float) -> int:
        return int((at - self._zero) / self._length * (len(self._cells) - 1))


def _rotation(rotation: Rotation, replicas: int, length: float, columns: int) -> Iterator[Text]:
    exchange = rotation.exchange
    yield Text.assemble(
        ("extauth", "bold"),
        f": {count(len(rotation.presentations), 'presentation')},"
        f" {count(len(rotation.waiting), 'caller')} waited for the new token",
    )
    server = _Line(exchange.started, length, columns)
    server.span(exchange.started, exchange.saved, "━", _ASKED)
    for at in rotation.presentations:
        server.put(at, "◆", _GOOD)
    yield server.text("server")
    for replica in range(replicas):
        line = _Line(exchange.started, length, columns)
        waits = [question for question in rotation.waiting if question.replica == replica]
        for question in waits:
            line.span(question.asked, question.served, "─", _QUIET)
        for question in waits:
            line.put(question.served, "●", _GOOD)
        yield line.text(f"replica {replica + 1}")


def _race(race: Race, replicas: int, length: float, columns: int) -> Iterator[Text]:
    zero = race.attempts[0].presented
    refused = sum(attempt.refused for attempt in race.attempts)
    yield Text.assemble(
        ("naive", "bold"),
        f": {count(len(race.presentations), 'presentation')}, {count(refused, 'caller')} refused",
    )
    server = _Line(zero, length, columns)
    for mark, style, presentations in (
        ("◆", _ASKED, race.refused),
        ("◆", _GOOD, race.rotated),
        ("✖", _BAD, race.revoking),
    ):
        for each in presentations:
            server.put(each.at, mark, style)
    yield server.text("server")
    row = _Line(zero, length, columns)
    held = [*race.holds()]
    row.span(zero, held[0][1], "░", "dim")
    for kind, since in held:
        row.put(since, *_HELD[kind])
    for (kind, since), until in zip(held, [*(since for _, since in held[1:]), zero + length], strict=True):
        row.span(since, until, *_HELD[kind])
    yield row.text("row")
    for replica in range(replicas):
        line = _Line(zero, length, columns)
        ours = [attempt for attempt in race.attempts if attempt.replica == replica]
        for attempt in ours:
            line.span(attempt.presented, attempt.answered, "─", _QUIET)
        for attempt in ours:
            line.put(attempt.presented, "◆", _ASKED)
        for attempt in ours:
            line.put(attempt.answered, *(("✖", _BAD) if attempt.refused else ("●", _GOOD)))
        yield line.text(f"replica {replica + 1}")


_KEY = (
    "◆ refresh token presented   ─ a caller waits   ● given a token   ✖ refused",
    "server: ━ the exchange   ✖ taken for theft, the grant is revoked",
    "row: ░ the refresh token   █ new tokens   ▁ no refresh token: connect again",
)

_HELD = {"saved": ("█", "green"), "cleared": ("▁", "red")}
