"""What ``make`` offers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()


def made(*arguments: str) -> str:
    """Run make where its rules are, and return what it prints."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],  # noqa: S607 - as a developer would
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_help_tells_every_target():
    """``make help`` has a line for each target, and needs nothing installed."""
    (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    told = re.findall(r"^make (\S+) +\S.*$", made("help", "VENV=no/such/folder"), re.MULTILINE)
    assert sorted(told) == sorted(phony.split())


def test_to_make_is_to_test():
    """``make`` alone runs the tests."""
    assert made("--dry-run") == made("--dry-run", "test")
