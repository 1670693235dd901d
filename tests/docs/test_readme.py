"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_example_runs(tmp_path, code, output):
    """The README's example prints what the README says, in an empty folder, without a warning."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.stdout, result.stderr, result.returncode) == (output, "", 0)


def test_there_is_an_example():
    """Every Python block is an example with its output, and there is one."""
    assert len(EXAMPLES) == TEXT.count("```python") == 1


def test_links_into_the_repository_exist():
    """No relative link leads nowhere."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT)
    assert targets
    assert [target for target in targets if not (README.parent / target).exists()] == []
