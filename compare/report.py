"""What was measured, as the tables of ``docs/explanation/comparison.md``."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, final

import attrs

from compare.catalogue import ROOT, WAYS, Entry, pinned
from compare.scenarios import SCENARIOS, Result

PAGE: Final = ROOT / "docs" / "explanation" / "comparison.md"
BEGIN: Final = "<!-- made by make compare -->"
END: Final = "<!-- end -->"
READS: Final = (
    "Time of a call beside a bare read of the row by the same driver, and that read's own. *Read, refresh,"
    "\nwrite* is that bare read here: how far it is from 1 is noise."
)


@final
@attrs.frozen
class Row:
    """What one way came to."""

    entry: Entry
    results: Mapping[str, Result]
    reads: tuple[float, float] | None


def tables(rows: Sequence[Row], postgres: str) -> str:
    """Return all tables."""
    ran = [scenario for scenario in SCENARIOS if all(scenario.name in row.results for row in rows)]
    lost = [
        (row.entry.name, *(f"{row.results[each.name].lost} / {row.results[each.name].links}" for each in ran))
        for row in rows
    ]
    numbers = [str(number) for number, _ in enumerate(ran, 1)]
    parts = [_measured(postgres), "Links lost, in the scenarios below by their numbers:"]
    parts.append(_table(("way", *numbers), lost))
    for number, scenario in enumerate(ran, 1):
        parts.append(f"### {number}. {scenario.title}")
        header: Sequence[str] = (
            "way",
            "exchanges",
            "replays",
            "links lost",
            "callers failed",
            "with",
            "again after",
        )
        cells: list[Sequence[str]] = [(row.entry.name, *_cells(row.results[scenario.name])) for row in rows]
        if all(line[-1] == "" for line in cells):
            header, cells = header[:-1], [line[:-1] for line in cells]
        parts.append(_table(header, cells))
    parts += [
        "### A fresh token",
        READS,
    ]
    parts.append(_table(("way", "beside a bare read", "a bare read"), [_reads(row) for row in rows]))
    parts += [
        "### What each says of itself",
        _table(("way", "says"), [(r.entry.name, r.entry.claims) for r in rows]),
    ]
    return "\n\n".join(parts)


def _measured(postgres: str) -> str:
    packages = sorted({each.package for each in WAYS if each.package}, key=str.lower)
    versions = ", ".join(f"{name} {pinned(name)}" for name in packages)
    day = datetime.now(UTC).date().isoformat()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"Measured on {day}, on {python} and Postgres {postgres}, in one run: {versions}."


def _cells(result: Result) -> tuple[str, ...]:
    if not result.links:
        return "", "", "", "", "refreshes only what has ended", ""
    errors = ", ".join(f"{name} ({count})" for name, count in result.errors.most_common())
    back = "" if result.back is None else f"{result.back:.1f} s"
    return (
        str(result.presented),
        str(result.replays),
        f"{result.lost} of {result.links}",
        f"{result.failed} of {result.callers}",
        errors,
        back or ("never" if result.outage else ""),
    )


def _reads(row: Row) -> tuple[str, ...]:
    if row.reads is None:
        return row.entry.name, "calls the API", ""
    ratio, bare = row.reads
    return row.entry.name, f"{ratio:.2f} x", f"{bare * 1e6:.0f} us"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(text: str) -> None:
    """Put the tables into the page, in place of those that stand there."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
