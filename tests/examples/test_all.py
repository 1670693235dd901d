"""Each example is told, can be run, and is run."""

from __future__ import annotations

import re
import tomllib

from tests.examples.programs import EXAMPLES

FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
EXTRAS = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_each_example_is_told_and_run():
    """The list has a row for each folder with a program, and a test runs it."""
    with_programs = sorted({path.parent.name for path in EXAMPLES.glob("*/*.py")})
    listed = re.findall(
        r"^\| \[[^\]]+\]\((\w+)/README\.md\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE
    )
    tests = "".join(
        path.read_text() for path in sorted((EXAMPLES.parent / "tests" / "examples").glob("*.py"))
    )
    assert sorted(listed) == with_programs == FOLDERS
    assert [folder for folder in FOLDERS if f'"{folder}/' not in tests] == []


def test_what_is_to_be_installed_can_be():
    """Each extra that a README names is one."""
    texts = [(EXAMPLES / folder / "README.md").read_text() for folder in FOLDERS]
    named = [names.split(",") for text in texts for names in re.findall(r'"extauth\[([\w,]+)\]"', text)]
    assert len(named) >= len(FOLDERS)
    assert {name for names in named for name in names} - set(EXTRAS) == set()
