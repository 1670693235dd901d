"""What the guide on testing shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from extauth.testing import AuthorizationServer, ScriptedProvider

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "test-your-application.md"
TEXT = GUIDE.read_text()
TEST_FILES = re.findall(r"```python\n(# test_\w+\.py\n.*?)```", TEXT, re.DOTALL)
EXAMPLES = re.findall(r"```python\n((?!# test_).*?)```\s+```text\n(.*?)```", TEXT, re.DOTALL)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an empty folder."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_every_block_is_run():
    """Every Python block is a test file or has its output beside it, and there are both."""
    assert len(TEST_FILES) == 3
    assert len(TEST_FILES) + len(EXAMPLES) == TEXT.count("```python") == 8


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a Python warning."""
    result = run(tmp_path, "-W", "error", "-c", code)
    # What extauth logs goes to stderr.
    assert (result.stdout, result.returncode) == (output, 0), result.stderr


@pytest.mark.parametrize("code", TEST_FILES)
def test_the_test_files_pass(tmp_path, code):
    """Each test file passes under pytest, and has tests."""
    file = tmp_path / code.split()[1]
    file.write_text(code)
    plugins = ["-p", "no:cacheprovider", "-p", "extauth.testing.plugin", "--asyncio-mode=auto"]
    result = run(tmp_path, "-m", "pytest", "-q", *plugins, file.name)
    assert result.returncode == 0, result.stdout + result.stderr
    # A test that is marked for two stores runs twice.
    assert f"{code.count('def test_') + code.count('mark.extauth_stores')} passed" in result.stdout


def test_the_books_exist():
    """Everything that the guide tells to read is there, on both doubles."""
    told = TEXT.partition("| in `grants` | tells |")[2].partition("\n\n")[0]
    names = re.findall(r"`(\w+)(?:\([^`|]*\))?`(?=[^|\n]*\| )", told)
    assert {"exchanges", "presentations", "issued_for", "history"} <= set(names)
    for double in (ScriptedProvider(), AuthorizationServer()):
        assert [name for name in names if not hasattr(double.grants, name)] == []
        assert double.presented == []
