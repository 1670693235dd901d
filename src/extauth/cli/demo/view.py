"""What the demo shows while it runs: live panels on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import final

from rich.align import Align
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from extauth.cli.demo.messages import Way
from extauth.cli.demo.progress import (
    TITLES,
    Progress,
    Settings,
    exchanges_per_rotation_text,
)
from extauth.cli.demo.storm import Tell

LINE_EVERY = 2.0
"""Seconds between two plain lines of one storm."""

FRAMES_PER_SECOND = 8

STRIP = 24
"""How many of the latest rotations are shown one by one."""

_STAGES = {
    "to come": "comes next",
    "starting": "replicas start ...",
    "storm": "storm",
    "checking": "every link is tried ...",
    "done": "done",
}


@contextmanager
def view(console: Console, settings: Settings) -> Generator[Tell, None, None]:
    """Show storms as they are told, in the way that suits the console."""
    panels: dict[Way, Progress] = {
        way: Progress(way=way, target=settings.rotations, links=settings.links) for way in TITLES
    }
    if not console.is_terminal:
        yield PlainLines(console).tell
        return
    with Live(
        storm_panels(list(panels.values())),
        console=console,
        refresh_per_second=FRAMES_PER_SECOND,
        transient=True,
    ) as live:

        def tell(progress: Progress) -> None:
            panels[progress.way] = progress
            live.update(storm_panels(list(panels.values())))

        yield tell


@final
class PlainLines:
    """Prints a line at each new stage, and now and then in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Progress | None = None

    def tell(self, progress: Progress) -> None:
        """Print the state if there is news."""
        last = self._last
        if (
            last is None
            or (last.way, last.stage) != (progress.way, progress.stage)
            or progress.elapsed - last.elapsed >= LINE_EVERY
        ):
            self._last = progress
            self._console.print(plain_line(progress), highlight=False, soft_wrap=True)


def plain_line(progress: Progress) -> str:
    """Return a state as one line."""
    return (
        f"{TITLES[progress.way]:26} {_STAGES[progress.stage]:22} {progress.elapsed:5.1f} s"
        f"  served {progress.tally.served:6}  rotations {progress.rotations:3}/{progress.target}"
        f"  exchanges per rotation {exchanges_per_rotation_text(progress):>6}"
        f"  errors {progress.tally.failed}  dead tokens {progress.tally.dead}  links lost {progress.lost}"
    )


def storm_panels(storms: Sequence[Progress]) -> RenderableType:
    """Return the storms side by side."""
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in storms:
        grid.add_column(ratio=1)
    grid.add_row(*map(_panel, storms))
    return grid


def _panel(progress: Progress) -> Panel:
    started = progress.stage != "to come"
    numbers = Table.grid(expand=True, padding=(0, 1))
    numbers.add_column(style="dim")
    numbers.add_column(justify="right")
    for label, value, bad in _numbers(progress):
        numbers.add_row(label, Text(value, style=_style(started, bad=bad)))
    bar = ProgressBar(
        total=progress.target,
        completed=min(progress.rotations, progress.target),
        complete_style="cyan",
        finished_style="cyan",
    )
    strip = Group(Text("presentations of each refresh token", style="dim"), _strip(progress))
    title = Text.assemble((f" {TITLES[progress.way]} ", "bold" if started else "dim"))
    subtitle = Text(f" {_STAGES[progress.stage]} · {progress.elapsed:.1f} s ", style="dim")
    return Panel(
        Group(bar, Text(), numbers, Text(), strip),
        title=title,
        subtitle=subtitle,
        border_style=_border(progress),
        padding=(1, 2),
    )


def _numbers(progress: Progress) -> list[tuple[str, str, bool | None]]:
    """Return label, value, and whether the value is bad; None where no number is."""
    ratio = progress.exchanges_per_rotation
    tally = progress.tally
    return [
        (
            "tokens served that worked",
            f"{tally.checked - tally.dead:,} of {tally.checked:,} tried",
            tally.dead > 0,
        ),
        (
            "questions answered with a token",
            f"{tally.served:,} of {tally.served + tally.failed:,}",
            tally.failed > 0,
        ),
        ("rotations", f"{progress.rotations} of {progress.target}", None),
        ("exchanges", f"{progress.exchanges:,}", None),
        (
            "exchanges per rotation",
            exchanges_per_rotation_text(progress),
            ratio is not None and progress.exchanges != progress.rotations,
        ),
        ("errors met by callers", f"{tally.failed:,}", tally.failed > 0),
        ("links lost", f"{progress.lost}", progress.lost > 0),
    ]


def _strip(progress: Progress) -> RenderableType:
    if not progress.per_rotation:
        return Text("–", style="dim")  # noqa: RUF001 - an en dash stands for no value
    latest = progress.per_rotation[-STRIP:]
    return Columns(
        [Text(f"{count}", style="bold green" if count == 1 else "bold red") for count in latest],
        padding=(0, 1),
    )


def _style(started: bool, *, bad: bool | None) -> str:
    if not started:
        return "dim"
    if bad is None:
        return "bold"
    return "bold red" if bad else "bold green"


def _border(progress: Progress) -> str:
    if progress.stage == "to come":
        return "bright_black"
    hurt = progress.lost or progress.tally.failed or progress.exchanges > progress.rotations
    return "red" if hurt else "green"


def summary(storms: Sequence[Progress]) -> RenderableType:
    """Return the table that the demo ends with."""
    table = Table(title="The same storm, twice", title_style="bold", border_style="bright_black")
    table.add_column("")
    for progress in storms:
        table.add_column(TITLES[progress.way], justify="right")
    rows = zip(*map(_summary_rows, storms), strict=True)
    for cells in rows:
        table.add_row(
            cells[0][0],
            *(Text(value, style=_style(started=True, bad=bad)) for _, value, bad in cells),
        )
    return Align.left(table)


def _summary_rows(progress: Progress) -> list[tuple[str, str, bool | None]]:
    most = max(progress.per_rotation, default=0)
    return [
        *_numbers(progress),
        ("most presentations of one refresh token", f"{most}", most > 1),
        ("grants revoked by the server", f"{progress.families_revoked}", progress.families_revoked > 0),
        (
            "links that work at the end",
            f"{progress.verified} of {progress.links}",
            progress.verified != progress.links,
        ),
        ("seconds of storm", f"{progress.elapsed:.1f}", None),
    ]
