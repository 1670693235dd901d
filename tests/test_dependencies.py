"""What extauth depends on: locked with hashes, and allowed from the lowest version that the suite passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["constraints.txt", "constraints-lowest.txt"]


def locked(name: str) -> dict[str, list[str]]:
    """Return the versions of each package in a lock."""
    found: dict[str, list[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE):
        found.setdefault(package, []).append(version)
    return found


def printed(script: str, *arguments: str) -> list[str]:
    """Return the lines that a script of .ci prints."""
    command = [sys.executable, f"{ROOT}/.ci/{script}", *arguments]
    told: str = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return told.split()


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_has_its_hashes(name):
    """Whatever is installed by a lock is what it was when it was locked, wherever it is got from."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().rstrip())
    assert len(blocks) > 50
    form = re.compile(r"[\w.-]+==\S+( ; .+)?( \\\n +--hash=sha256:[0-9a-f]{64})+")
    assert [block.partition("\n")[0] for block in blocks if not form.fullmatch(block)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place(name):
    """Whoever installs has their own index."""
    assert re.findall(r"://|--(?:index|find|extra)", (ROOT / name).read_text()) == []


def test_the_lowest_versions_are_those_that_are_allowed():
    """What `make lowest` installs are the bounds that pyproject.toml says."""
    lowest = locked("constraints-lowest.txt")
    for requirement in printed("dependencies", "--lowest"):
        name, _, bound = requirement.partition("==")
        [version] = lowest[name]
        assert (name, Version(version)) == (name, Version(bound))


def test_what_is_installed_without_extauth():
    """They are all of its dependencies and those of its extra `all`, without extras of its own."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    [every] = extras["all"]
    names = every.removeprefix("extauth[").removesuffix("]").split(",")
    wanted = {*project["dependencies"], *(requirement for name in names for requirement in extras[name])}
    assert sorted(wanted) == sorted(printed("dependencies"))


def judged(*packages: dict[str, object]) -> tuple[int, str]:
    """Let .ci/audit judge a report of pip-audit's."""
    code = f"import runpy; print(*runpy.run_path('.ci/audit')['verdict']({{'dependencies': {packages!r}}}))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    number, _, text = told.stdout.partition(" ")
    return int(number), text


SOUND = {"name": "attrs", "version": "1", "vulns": []}
HOLED = {"name": "rich", "version": "2", "vulns": [{"id": "CVE-0000-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "aiohttp", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([SOUND], 0, "1 of 1 packages looked up, 0 known holes"),
        ([SOUND, HOLED], 1, "rich 2: CVE-0000-1 (mended in 3)"),
        ([SOUND, SKIPPED], 2, "NOT AUDITED, as the database does not answer for them: aiohttp"),
        ([HOLED, SKIPPED], 1, "1 of 2 packages looked up, 1 known holes"),
        ([], 2, "NOT AUDITED"),
    ],
)
def test_an_audit_that_looked_nothing_up_is_none(packages, code, told):
    """It ends with 0 only if every package was looked up and none has a hole."""
    number, text = judged(*packages)
    assert number == code
    assert told in text


def test_an_audit_without_pip_audit_or_its_answer(tmp_path):
    """If there is no report, it says so, and that is no success."""
    (tmp_path / "pip-audit").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (tmp_path / "pip-audit").chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    told = subprocess.run(
        [tmp_path / "python", ROOT / ".ci" / "audit", "constraints.txt"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHOME": sys.base_prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout[:12]) == (2, "NOT AUDITED:")
    assert told.stderr == "no network\n"
