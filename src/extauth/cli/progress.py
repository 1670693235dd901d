"""How far long work is, on stderr, where somebody can see it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, final


@final
class Bar:
    """Counts what is done, and shows it if there is where to."""

    def __init__(self, shown: Any = None, task: Any = None) -> None:
        self._shown = shown
        self._task = task

    def advance(self, number: int = 1) -> None:
        """Say that so many more are done."""
        if self._shown is not None:
            self._shown.advance(self._task, number)

    def reach(self, done: int, total: int) -> None:
        """Say how far it is; the total may turn out only on the way."""
        if self._shown is not None:
            self._shown.update(self._task, completed=done, total=total)


@final
class Progress:
    """Shows bars in a terminal, by rich; elsewhere, or without rich, nothing."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty() and find_spec("rich") is not None

    @contextmanager
    def of(self, what: str, total: int | None = None) -> Generator[Bar, None, None]:
        """Show a bar while the body runs; without a total it only counts."""
        if not self._shown:
            yield Bar()
            return
        from rich.console import Console  # noqa: PLC0415 - installed for certain only now
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
        from rich.progress import Progress as Rich  # noqa: PLC0415

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Rich(*columns, console=Console(stderr=True), transient=True) as rich:
            yield Bar(rich, rich.add_task(what, total=total))
