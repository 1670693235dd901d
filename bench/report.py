"""What was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen
class Figure:
    """One number with its goal."""

    what: str
    value: float
    goal: float
    unit: str = "x"
    at_least: bool = False
    """Whether more is better."""

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def row(self) -> Sequence[str]:
        bound = "at least" if self.at_least else "at most"
        digits = 0 if self.unit != "x" else 2
        return (
            self.what,
            f"{self.value:.{digits}f} {self.unit}",
            f"{bound} {self.goal:g} {self.unit}",
            "yes" if self.reached else "**no**",
        )


@attrs.frozen
class Part:
    """One part of the bench: what it found, and the numbers behind it."""

    title: str
    method: str
    figures: Sequence[Figure]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def markdown(machine: Sequence[Sequence[str]], parts: Sequence[Part]) -> str:
    figures = table(
        ("figure", "measured", "goal", "reached"), [figure.row() for part in parts for figure in part.figures]
    )
    intro = (
        "Everything below was measured in one run on the machine below, side by side: each round measures"
        " every side once, and who goes first changes. A ratio is the median of the ratios within the"
        " rounds; a time is the median over the rounds. Times say more about the machine than about the"
        " code; compare ratios.\n"
    )
    blocks = [
        "# Results of `make bench`\n",
        intro,
        table(("machine", ""), machine),
        "## Figures\n",
        figures,
    ]
    for part in parts:
        blocks += [f"## {part.title}\n", part.method + "\n", table(part.header, part.rows)]
    return "\n".join(blocks)
