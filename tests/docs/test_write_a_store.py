"""The how-to's store passes the contract, and its failure reads as the how-to says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extauth.domain.own_writes import own_writes_of
from extauth.domain.ports import LinkStore

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "write-a-store.md"
TEXT = HOWTO.read_text()
STORE, TEST, TELLING, RACES, REPLAY = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
FAILURE, BROKEN_PROMISE = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
COMPARED = "if link.version != version or written_at not in (None, link.updated_at):"


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
    """Every test passes with pytest alone; only those of an unreadable row are skipped, as it says."""
    result = run_pytest(folder)
    assert re.fullmatch(r"\d{3} passed, 4 skipped in .*s", result.stdout.splitlines()[-1]), result.stdout
    assert result.returncode == 0


async def test_the_store_that_tells_tells():
    """The class as shown is one that links can be remembered of."""
    shown: dict[str, Any] = {}
    exec(TELLING, shown)  # noqa: S102
    store = shown["TellingStore"]()
    writes = own_writes_of(store)
    assert writes is not None

    class Heard:
        def written(self, key, *, ended):
            told.append((key, ended))

    told: list[Any] = []
    heard = Heard()
    writes.hear(heard)
    await store.delete("a key")
    assert told == [("a key", True)]


def test_a_failure_reads_as_shown(folder):
    """Without the comparison of versions the contract says what the how-to says."""
    assert STORE.count(COMPARED) == 1
    (folder / "file_store.py").write_text(STORE.replace(COMPARED, "if False:"))
    result = run_pytest(folder, "-k", "test_save_at_another_version_changes_nothing")
    assert FAILURE in result.stdout.replace("\nE   ", "\n").replace("\n        ", "\n")
    assert "asyncio" not in result.stdout


@pytest.mark.slow
def test_the_example_withstands_the_races(folder):
    """The machine runs on the example's store as shown; a few examples are enough here."""
    few = """
import hypothesis
TestRaces.settings = hypothesis.settings(TestRaces.settings, max_examples=10, derandomize=True, database=None)
"""
    (folder / "test_file_store_races.py").write_text(RACES + few)
    result = run_pytest(folder, "test_file_store_races.py")
    assert result.returncode == 0, result.stdout


def test_a_schedule_can_be_kept_as_a_test(folder):
    """The script passes on the example, and breaks the promise that is shown if versions are not compared."""
    (folder / "test_replay.py").write_text(REPLAY)
    assert run_pytest(folder, "test_replay.py").returncode == 0
    (folder / "file_store.py").write_text(STORE.replace(COMPARED, "if False:"))
    result = run_pytest(folder, "test_replay.py")
    assert BROKEN_PROMISE.strip() in result.stdout
    assert result.returncode == 1


def test_every_method_is_explained():
    """The table has a row for each method of the port."""
    methods = {name for name in dir(LinkStore) if not name.startswith("_")}
    assert len(methods) == 13
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == methods
