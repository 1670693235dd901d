"""The pages about the project itself say what is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import extauth
from extauth import testing
from extauth.domain import outcomes

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
DECISIONS = ROOT / "docs" / "adr"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()


def test_every_command_that_is_named_exists():
    """Each ``make`` target of CONTRIBUTING.md is one."""
    named = set(re.findall(r"`make (\w+)", CONTRIBUTING))
    assert {"demo", "test", "check"} <= named
    assert named - set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE)) == set()


def test_no_file_that_a_page_names_hides_one_of_pythons():
    """Who saves a block as ``operator.py`` can start nothing in that folder."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"^# (\w+)\.py\b", page.read_text(), re.MULTILINE)}
    assert {"accounts", "tokens"} <= named
    assert named & sys.stdlib_module_names == set()


def test_every_decision_is_listed():
    """The table of decisions has the number, title and status of each page, in order."""
    told = re.findall(
        r"^\| (\d+) \| \[(.+)\]\((.+)\) \| (\w+) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    pages = [(path.name, path.read_text()) for path in sorted(DECISIONS.glob("[0-9]*.md"))]
    assert told == [
        (
            str(int(name[:4])),
            text.partition("\n")[0].removeprefix(f"# {int(name[:4])}. "),
            name,
            "".join(re.findall(r"\*\*Status:\*\* (\w+)", text)),
        )
        for name, text in pages
    ]


def test_every_public_name_in_the_glossary_exists():
    """A class of the glossary's, and its attribute, is one of extauth's."""
    named = set(re.findall(r"`([A-Z]\w+(?:\.\w+)?)`", GLOSSARY))
    assert {"RefreshPolicy.lease_ttl", "LinkStoreContract", "Stale"} <= named

    def exists(name: str) -> bool:
        owner, _, attribute = name.partition(".")
        found = [getattr(place, owner) for place in (extauth, outcomes, testing) if hasattr(place, owner)]
        return bool(found) and (not attribute or hasattr(found[0], attribute))

    assert [name for name in sorted(named) if not exists(name)] == []
