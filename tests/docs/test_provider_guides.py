"""What the guides on providers and their APIs show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
TEXTS = {name: (HOWTO / f"{name}.md").read_text() for name in ("add-a-provider", "call-the-api")}
EXAMPLES = [
    pytest.param(code, output, id=f"{name}-{number}")
    for name, text in TEXTS.items()
    for number, (code, output) in enumerate(
        re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", text, re.DOTALL), 1
    )
]


def test_every_block_is_run():
    """Every Python block has its output beside it."""
    assert [text.count("```python") for text in TEXTS.values()] == [7, 1]
    assert len(EXAMPLES) == 8


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a Python warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.returncode) == (output, 0), result.stderr


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_a_guide_points_to_exists(text):
    """Every link to another file of the repository leads somewhere, and to a heading that is there."""
    targets = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", text)
    assert targets
    for file, anchor in targets:
        headings = re.findall(r"^#+ (.+)$", (HOWTO / file).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors
