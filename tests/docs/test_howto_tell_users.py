"""What the guide to telling users in time says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import attrs

from extauth.health import Health, LinkState, Source

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "tell-users-in-time.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", GUIDE, re.DOTALL)


def test_the_example_runs(tmp_path):
    """It prints what the guide says, without a warning."""
    [(code, output)] = EXAMPLES
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (output, "", 0) == (result.stdout, result.stderr, result.returncode)


def test_the_tables_have_every_state():
    """Each state, each source and each remark is explained."""
    states = re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE)
    assert {state.__name__ for state in get_args(LinkState)} == set(states)
    assert [source for source in get_args(Source) if source not in GUIDE] == []
    rows = re.findall(r"^\| `health\.(\w+)`", GUIDE, re.MULTILINE)
    assert sorted(field.name for field in attrs.fields(Health)) == sorted(rows)
