"""What the demo says around its storms."""

from __future__ import annotations

from io import StringIO
from itertools import pairwise

import pytest
from rich.console import Console

from extauth.cli.demo.command import _explain, _introduce
from extauth.cli.demo.progress import Settings


@pytest.mark.parametrize("width", [60, 80, 130])
def test_only_the_terminal_wraps(width: int) -> None:
    """No line ends early: each is as full as the next word lets it be, or ends a sentence."""
    output = StringIO()
    console = Console(file=output, width=width)
    _introduce(Settings(), "sqlite:///links.db", console)
    _explain(console)

    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    early = [
        line
        for line, following in pairwise(lines)
        if line and following and not line.endswith(".") and len(f"{line} {following.split()[0]}") <= width
    ]
    assert early == []
    assert max(map(len, lines)) <= width
