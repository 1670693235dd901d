"""What the timelines of the picture have in common: size, style, scale and words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import final
from xml.sax.saxutils import escape

import attrs

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
  .rotated { fill: #0f766e }
  .revoking { fill: #dc2626 }
  .wait { stroke: #93c5fd; stroke-width: 4; stroke-linecap: round }
  .served { fill: #0f766e }
  .at-once { fill: #9ca3af }
  .refused { stroke: #dc2626; stroke-width: 2; stroke-linecap: round; fill: none }
  .writing { stroke: #9ca3af; stroke-width: 1.5; stroke-dasharray: 2 2 }
  .saved { fill: #0f766e }
  .cleared { fill: #fff; stroke: #dc2626; stroke-width: 1.5 }
  .asked { fill: #d97706 }
  .row-before { fill: #d1d5db }
  .row-saved { fill: #0f766e }
  .row-cleared { fill: #dc2626 }
  .on-row { font-size: 12px; font-weight: 600; fill: #fff; text-anchor: middle }
  .on-before { fill: #1f2937 }
"""


@final
@attrs.frozen
class Scale:
    """From seconds on the replicas' clock to x."""

    first: float
    last: float
    zero: float
    """What the axis calls 0 ms."""

    @classmethod
    def of(cls, zero: float, length: float) -> Scale:
        """Return the scale that shows so many seconds from ``zero`` on, and what comes before and after."""
        return cls(first=zero - 0.2 * length, last=zero + 1.25 * length, zero=zero)

    def x(self, at: float) -> float:
        """Return where an instant is."""
        share = (at - self.first) / (self.last - self.first)
        return round(LANES_LEFT + share * (LANES_RIGHT - LANES_LEFT), 1)

    def milliseconds(self, at: float) -> float:
        """Return an instant as the axis has it."""
        return (at - self.zero) * 1000


@final
@attrs.frozen
class Section:
    """One timeline, drawn from its own top."""

    parts: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    height: int


@final
@attrs.frozen
class Lanes:
    """What stands to the right of one replica's name."""

    name: str
    note: str
    lanes: Sequence[Callable[[float], Iterable[str]]]
    """Each draws itself at a height."""


def replica_lanes(replicas: Iterable[Lanes], top: int) -> tuple[list[str], list[str], int]:
    """Draw replicas one beneath the other; return their backgrounds, their lanes and where they end."""
    grounds: list[str] = []
    drawn: list[str] = []
    y = top
    for replica in replicas:
        height = max(len(replica.lanes) * PITCH + 6, REPLICA_MIN_HEIGHT)
        grounds.append(
            f'<rect class="group" x="{MARGIN - 14}" y="{y - 10}" width="{LANES_RIGHT - MARGIN + 28}"'
            f' height="{height + 16}" rx="8"/>'
        )
        drawn += [text(MARGIN, y + 12, "name", replica.name), text(MARGIN, y + 29, "note", replica.note)]
        for number, draw in enumerate(replica.lanes):
            at = y + 6 + number * PITCH
            drawn += [
                f'<line class="lane" x1="{LANES_LEFT}" x2="{LANES_RIGHT}" y1="{at}" y2="{at}"/>',
                *draw(at),
            ]
        y += height + REPLICA_GAP
    return grounds, drawn, y - REPLICA_GAP + 10


def axis(scale: Scale, bottom: int) -> Iterator[str]:
    """Draw the ticks through all lanes and their milliseconds beneath."""
    step = _step(scale.milliseconds(scale.last) - scale.milliseconds(scale.first))
    tick = -(-scale.milliseconds(scale.first) // step) * step
    while tick <= scale.milliseconds(scale.last):
        x = scale.x(scale.zero + tick / 1000)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 12}" y2="{bottom}"/>'
        yield text(x, bottom + 18, "tick", f"{tick:+.0f} ms" if tick else "0 ms")
        tick += step


def _step(span: float) -> int:
    """Return a round number of milliseconds that gives about the wanted number of ticks."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if span / step <= TICKS_WANTED:
                return step
        size *= 10


def legend(entries: Iterable[tuple[str, str]], y: float) -> Iterator[str]:
    """Draw marks, each 24 wide around ``y=0``, with their words."""
    x = LANES_LEFT
    for mark, words in entries:
        yield f'<g transform="translate({x} {y - 4})">{mark}</g>'
        yield text(x + 32, y, "note", words)
        x += 32 + 7 * len(words) + 22


def text(x: float, y: float, kind: str, words: str, attributes: str = "") -> str:
    """Draw words."""
    return f'<text class="{kind}" x="{x}" y="{y}"{attributes}>{escape(words)}</text>'


def count(number: int, noun: str) -> str:
    """Return the number with its noun in singular or plural."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
