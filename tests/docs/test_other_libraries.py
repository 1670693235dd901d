"""What the guide on other libraries shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
TEXT = (HOWTO / "use-with-other-libraries.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_blocks_run(tmp_path):
    """Together they print what the guide says."""
    outputs = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert len(BLOCKS) == TEXT.count("```python") == 7
    command = [sys.executable, "-W", "error", "-c", "\n".join(BLOCKS)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert (result.stdout, result.returncode) == ("".join(outputs), 0), result.stderr


def test_what_it_points_to_exists():
    """Every link to a file leads somewhere, and to a heading that is there."""
    targets = re.findall(r"\]\(([^)#\s]*)(?:#([^)]+))?\)", TEXT)
    assert len(targets) > 10
    for file, anchor in targets:
        there = HOWTO / file if file else HOWTO / "use-with-other-libraries.md"
        headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors
