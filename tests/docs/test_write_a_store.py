"""The how-to's store passes the contract, and its failure reads as the how-to says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from extauth.domain.ports import LinkStore

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "write-a-store.md"
TEXT = HOWTO.read_text()
STORE, TEST = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
(FAILURE,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """Save both files as the how-to says."""
    (tmp_path / "file_store.py").write_text(STORE)
    (tmp_path / "test_file_store.py").write_text(TEST)
    return tmp_path


def run_pytest(folder, *arguments):
    """Run pytest as somebody has it who has no plugins."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.slow
def test_the_example_passes_the_contract(folder):
    """Every test passes and none is skipped, with pytest alone."""
    result = run_pytest(folder)
    assert re.fullmatch(r"\d{3} passed in .*s", result.stdout.splitlines()[-1]), result.stdout
    assert result.returncode == 0


def test_a_failure_reads_as_shown(folder):
    """Without the comparison of versions the contract says what the how-to says."""
    compared = 'if row["version"] != version:'
    assert STORE.count(compared) == 1
    (folder / "file_store.py").write_text(STORE.replace(compared, "if False:"))
    result = run_pytest(folder, "-k", "test_save_at_another_version_changes_nothing")
    assert FAILURE in result.stdout.replace("\nE   ", "\n").replace("\n        ", "\n")
    assert "asyncio" not in result.stdout


def test_every_method_is_explained():
    """The table has a row for each method of the port."""
    methods = {name for name in vars(LinkStore) if not name.startswith("_")}
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == methods
