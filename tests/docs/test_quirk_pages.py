"""The pages about the quirk classes, ``docs/explanation/quirks/NN-short-name.md``, say what is so.

Each of the classes 1 to 30 has one page, whose title begins with the number as in ``# 7. Single-use
refresh tokens``. A page has one paragraph ``Providers: github_app, gitlab.`` with exactly the presets that
``extauth.adapters.providers.quirks.showing(n)`` finds, in that order; it may be wrapped, ends with a full
stop, and a blank line comes after it. A page names at least one test, as ``tests/quirks/test_x.py`` or
``tests/quirks/test_x.py::test_y``, and each that it names exists. Its blocks of Python run as they are,
each for itself, with nothing of the network. The index is ``README.md`` beside the pages.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from extauth.adapters.providers.quirks import QUIRKS, showing

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "explanation" / "quirks"
FOUND = sorted(path for path in PAGES.glob("*.md") if path.name != "README.md")
BLOCKS = [
    pytest.param(block, id=f"{path.stem}-{number}")
    for path in FOUND
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL), 1)
]
pages = pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)


def number_of(path: Path) -> int:
    """Return the class that a page is about, by its name."""
    return int(path.name[:2])


def test_each_class_has_one_page():
    """There is a page for each class, in order, and none for anything else."""
    assert [number_of(path) for path in FOUND] == list(QUIRKS) == list(range(1, 31))


def test_the_index_links_each_page():
    """The index has every page once, in order."""
    linked = re.findall(r"\]\((\d\d-[^)]+\.md)\)", (PAGES / "README.md").read_text())
    assert linked == [path.name for path in FOUND]


@pages
def test_the_title_has_the_number(path):
    """A page's title begins with its number."""
    assert path.read_text().startswith(f"# {number_of(path)}. ")


@pages
def test_the_providers_are_those_of_the_catalogue(path):
    """The page lists the presets that show the class, all of them and no others."""
    [listed] = re.findall(r"^Providers: (.*?)\.\n\n", path.read_text(), re.DOTALL | re.MULTILINE)
    assert tuple(listed.replace("\n", " ").split(", ")) == showing(number_of(path))


@pages
def test_the_named_tests_exist(path):
    """The page says what guards it, and that is there."""
    named = re.findall(r"(tests/\w[\w/]*\.py)(?:::(\w+))?", path.read_text())
    assert named
    for file, name in named:
        text = (ROOT / file).read_text()
        assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), name


@pages
def test_the_links_lead_somewhere(path):
    """Every relative link is to a file."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_the_examples_run(block):
    """A page's Python is whole: it needs nothing that is not in it."""
    exec(compile(textwrap.dedent(block), "page", "exec"), {})  # noqa: S102 - the page's own code
