"""The pages keep their word: every hazard has a guard, every guard exists, and no link leads nowhere."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from extauth.testing import LinkingStoreContract, LinkStoreContract

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
HAZARDS = (ROOT / "docs" / "explanation" / "hazards.md").read_text()

ENTRY = re.compile(r"^(?:### |- \*\*)(\d+)\.", re.MULTILINE)
GUARD = re.compile(r"`((?:Link(?:ing)?StoreContract|tests/[\w/]+\.py)(?:::\w+)+)`")
LINK = re.compile(r"\]\(((?!https?:|mailto:)[^)\s]+)\)")
CONTRACTS = {contract.__name__: contract for contract in (LinkStoreContract, LinkingStoreContract)}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def entries(text: str) -> Iterator[tuple[int, str]]:
    """Yield each hazard's number and what is written under it."""
    _, *parts = ENTRY.split(text)
    return zip(map(int, parts[::2]), parts[1::2], strict=True)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the tests of a file as pytest names them, without the file."""
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text()).body
    names = _functions(body)
    for node in body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{name}" for name in _functions(node.body)}
    return frozenset(names)


def _functions(body: list[ast.stmt]) -> set[str]:
    functions = (node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in functions if node.name.startswith("test_")}


def exists(guard: str) -> bool:
    """Whether there is a test of that name."""
    place, _, name = guard.partition("::")
    if (contract := CONTRACTS.get(place)) is not None:
        return name.startswith("test_") and callable(getattr(contract, name, None))
    return name in names_in(ROOT / place)


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls the headings of a page."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link of a page has a target, and the target the anchor."""
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not anchor or (target.suffix == ".md" and anchor in anchors(target)))


def test_every_hazard_is_there_once():
    """The numbers 1 to 75 are each an entry, and one only."""
    assert sorted(number for number, _ in entries(HAZARDS)) == list(range(1, 76))


def test_every_hazard_has_a_guard():
    """Each hazard names a test."""
    assert [number for number, text in entries(HAZARDS) if not GUARD.search(text)] == []


def test_everything_that_looks_like_a_guard_is_one():
    """No name of a test is written so that the check below would miss it."""
    assert HAZARDS.count("::test_") == len(GUARD.findall(HAZARDS)) + HAZARDS.count("StoreContract::test_...`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_is_named_exists(page):
    """A guard that was renamed or removed is noticed here."""
    assert [guard for guard in GUARD.findall(page.read_text()) if not exists(guard)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    """Relative links and pictures have their file, and anchors their heading."""
    links = LINK.findall(FENCE.sub("", page.read_text()))
    assert [link for link in links if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize(
    "guard",
    [
        "LinkStoreContract::test_nothing_of_that_name",
        "LinkStoreContract::open_store",
        "tests/docs/test_hazards.py::test_nothing_of_that_name",
        "tests/docs/test_hazards.py::exists",
        "tests/no_such_file.py::test_every_hazard_has_a_guard",
        "tests/services/refresh/test_tokens.py::test_a_fresh_token_costs_one_read",
    ],
)
def test_a_guard_that_is_none_is_noticed(guard):
    """A wrong file, class or function is not found."""
    assert GUARD.fullmatch(f"`{guard}`")
    assert not exists(guard)


@pytest.mark.parametrize("link", ["no-such-file.md", "README.md#no-such-heading", "#no-such-heading"])
def test_a_link_that_leads_nowhere_is_noticed(link):
    """A wrong file or anchor is not found."""
    assert LINK.fullmatch(f"]({link})")
    assert not leads_somewhere(ROOT / "README.md", link)
