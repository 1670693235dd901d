"""Running an example as its README says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(program: str, *arguments: str, said: list[str] | None = None) -> str:
    """Return what a program prints. Nothing may go wrong, and nothing be logged unless ``said`` takes it."""
    path = EXAMPLES / program
    result = subprocess.run(
        [sys.executable, "-W", "error", path.name, *arguments],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (result.returncode, result.stderr if said is None else "") == (0, ""), result.stderr
    if said is not None:
        said += result.stderr.splitlines()
    return result.stdout


def output_in(example: str) -> str:
    """Return what the README of an example says that it prints."""
    text = (EXAMPLES / example / "README.md").read_text()
    output: str
    [output] = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return output
