from __future__ import annotations

from io import StringIO

import attrs
from rich.console import Console

from extauth.cli.demo.messages import Tally
from extauth.cli.demo.progress import Progress, Settings
from extauth.cli.demo.view import PlainLines, storm_panels, summary, view

OURS = Progress(
    way="extauth",
    stage="done",
    target=2,
    links=2,
    elapsed=10.5,
    tally=Tally(served=12_345, checked=99),
    exchanges=2,
    per_rotation=(1, 1),
    verified=2,
)
NAIVE = Progress(
    way="naive",
    stage="storm",
    target=2,
    links=2,
    tally=Tally(served=10, checked=5, errors={"reconnect": 7}, dead=3),
    exchanges=77,
    per_rotation=(42, 35),
    families_revoked=2,
    lost=2,
)


def console(*, terminal: bool = False, width: int = 130) -> tuple[Console, StringIO]:
    """Return a console of a fixed size and what it writes to."""
    output = StringIO()
    return Console(file=output, force_terminal=terminal, width=width, legacy_windows=False), output


def test_panels_stand_side_by_side() -> None:
    """Both storms share each line of the screen, with their numbers and every rotation's presentations."""
    screen, output = console()
    screen.print(storm_panels([OURS, NAIVE]))
    lines = output.getvalue().splitlines()

    assert any("extauth" in line and "naive read, refresh, write" in line for line in lines)
    assert any("12,345 of 12,345" in line and "10 of 17" in line for line in lines)
    assert any("exchanges per rotation" in line and "38.50" in line for line in lines)
    assert any("1 1" in line and "42 35" in line for line in lines)
    assert all(len(line) <= 130 for line in lines)


def test_storm_to_come_shows_no_verdict() -> None:
    """Before its start a storm has no ratio."""
    screen, output = console()
    screen.print(storm_panels([Progress(way="naive", target=2, links=2)]))
    assert "comes next" in output.getvalue()
    assert "\N{EN DASH}" in output.getvalue()


def test_summary_has_a_column_for_each_storm() -> None:
    """The final table compares the storms row by row."""
    screen, output = console()
    screen.print(summary([OURS, NAIVE]))
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:4]] for cells in _rows(output.getvalue())}

    assert next(iter(rows)) == "tokens served that worked"
    assert rows["tokens served that worked"] == ["99 of 99 tried", "2 of 5 tried"]
    assert rows["questions answered with a token"] == ["12,345 of 12,345", "10 of 17"]
    assert rows["exchanges per rotation"] == ["1", "38.50"]
    assert rows["links lost"] == ["0", "2"]
    assert rows["errors met by callers"] == ["0", "7"]
    assert rows["links that work at the end"] == ["2 of 2", "0 of 2"]


def _rows(table: str) -> list[list[str]]:
    return [line.split("│") for line in table.splitlines() if line.count("│") == 4]


def test_plain_lines_come_with_news_only() -> None:
    """Without a terminal there is a line for each stage, and one now and then within it."""
    screen, output = console()
    lines = PlainLines(screen)
    storm = attrs.evolve(NAIVE, elapsed=0.0)
    for progress in (
        storm,
        attrs.evolve(storm, elapsed=1.9),
        attrs.evolve(storm, elapsed=2.0),
        attrs.evolve(storm, elapsed=2.1, stage="checking"),
    ):
        lines.tell(progress)

    assert output.getvalue().count("\n") == 3
    assert "links lost 2" in output.getvalue()


def test_view_is_live_on_a_terminal_and_plain_elsewhere() -> None:
    """On a terminal panels are drawn in place; elsewhere no control code is written."""
    for terminal in (True, False):
        screen, output = console(terminal=terminal)
        with view(screen, Settings(rotations=2, links=2)) as tell:
            tell(OURS)
        assert terminal == ("\x1b" in output.getvalue())
        assert "extauth" in output.getvalue()
