"""Printing what a command answers: JSON, tables by rich in a terminal, and plain text elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from extauth.cli.command import Answer, Table
from extauth.domain.one_line import one_line

_STYLES: Final = {
    "ok": "green",
    "warning": "yellow",
    "problem": "bold red",
    "expiring": "cyan",
    "expired": "cyan",
    "cooling": "yellow",
    "leased": "blue",
    "unresolved": "yellow",
    "broken": "bold red",
    "unreadable": "bold red",
}
"""Of cells that hold just this word."""


def print_answer(command: str, answer: Answer, *, as_json: bool) -> None:
    """Print it to stdout."""
    if as_json:
        print_json({"command": command, "ok": answer.code == 0, **answer.data})
        return
    for each in answer.shown:
        if isinstance(each, Table):
            _print_table(each)
        else:
            print(one_line(each))
    sys.stdout.flush()


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(document), flush=True)


def warn(text: str) -> None:
    """Say something beside the answer, on stderr."""
    print(f"extauth: {one_line(text)}", file=sys.stderr, flush=True)


def _print_table(table: Table) -> None:
    rows = [[one_line(cell) for cell in row] for row in table.rows]
    if sys.stdout.isatty() and find_spec("rich") is not None:
        _print_by_rich(table, rows)
        return
    lines = [list(table.headings), *rows] if any(table.headings) else rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_by_rich(table: Table, rows: list[list[str]]) -> None:
    from rich import box  # noqa: PLC0415 - installed for certain only now
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as Rich  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - no markup: what is shown is from outside

    console = Console()
    columns = list(zip(table.headings, *rows, strict=True))
    if any(table.headings) and sum(2 + max(map(len, column)) for column in columns) > console.width:
        _print_upright(table, rows)
        return
    shown = Rich(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(table.headings))
    for heading in table.headings:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(shown)


def _print_upright(table: Table, rows: list[list[str]]) -> None:
    """Print each row as a paragraph, where a terminal is too narrow for columns."""
    for row in rows:
        print(
            "\n".join(f"{name}: {cell}" for name, cell in zip(table.headings, row, strict=True) if cell), "\n"
        )
