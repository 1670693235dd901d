"""What the guide on adding a provider shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
TEXT = (HOWTO / "add-a-provider.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", TEXT, re.DOTALL)


def test_every_block_is_run():
    """Every Python block has its output beside it."""
    assert len(EXAMPLES) == TEXT.count("```python") == 6


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.stderr, result.returncode) == (output, "", 0)


def test_what_it_points_to_exists():
    """Every link to another file of the repository leads somewhere, and to a heading that is there."""
    targets = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", TEXT)
    assert targets
    for file, anchor in targets:
        headings = re.findall(r"^#+ (.+)$", (HOWTO / file).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors
