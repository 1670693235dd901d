"""What the guides on several accounts and several resources show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
GUIDES = ("several-accounts.md", "tokens-for-resources.md")
EXAMPLES = [
    pytest.param(code, output, id=f"{name}-{number}")
    for name in GUIDES
    for number, (code, output) in enumerate(
        re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", (HOWTO / name).read_text(), re.DOTALL), 1
    )
]


def test_every_block_is_run():
    """Every Python block has its output beside it, and each guide has two."""
    assert [(HOWTO / name).read_text().count("```python") for name in GUIDES] == [2, 2]
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a Python warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.returncode) == (output, 0), result.stderr


@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_points_to_exists(name):
    """Every link to another file of the repository leads somewhere."""
    targets = re.findall(r"\]\(([^)#]+)\)", (HOWTO / name).read_text())
    assert targets
    assert [target for target in targets if not (HOWTO / target).exists()] == []
