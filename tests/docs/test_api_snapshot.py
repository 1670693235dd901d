"""The public API is what was reviewed: a change of it is seen, and meant."""

from __future__ import annotations

import difflib
import runpy
from pathlib import Path

import attrs
import pytest

import extauth

ROOT = Path(__file__).parents[2]
SNAPSHOT = runpy.run_path(str(ROOT / "docs" / "reference" / "api_snapshot.py"))


def test_the_public_api_is_as_reviewed():
    """No name, signature or kind differs from what is written down; the difference is shown as a diff."""
    kept = SNAPSHOT["SNAPSHOT"].read_text(encoding="utf-8")
    found = SNAPSHOT["snapshot"]()
    diff = "\n".join(
        difflib.unified_diff(kept.splitlines(), found.splitlines(), "reviewed", "found", n=2, lineterm="")
    )
    if diff:
        again = f"if it is meant, say so in CHANGELOG.md and run: {SNAPSHOT['REGENERATE']}"
        pytest.fail(f"the public API has changed; {again}\n{diff}", pytrace=False)


def test_what_is_written_down_has_no_place_of_this_machine():
    """It is the same wherever it is made: no address in memory, and no path."""
    kept = SNAPSHOT["SNAPSHOT"].read_text(encoding="utf-8")
    assert [line for line in kept.splitlines() if " at 0x" in line or str(ROOT) in line] == []
    assert [line for line in kept.splitlines() if line.startswith("[")] == [
        f"[{name}]" for name in sorted(SNAPSHOT["public_modules"]())
    ]


class _Before:
    def method(self, one: int, *, two: str = "2") -> None: ...


class _After:
    async def method(self, one: int, *, three: str = "2") -> None: ...


@attrs.frozen
class _Fields:
    number: int = 3


def test_each_kind_of_change_is_seen(monkeypatch):
    """A coroutine in the place of a function, another keyword, another field, another default: all differ."""
    told = {}
    for kind in (_Before, _After, _Fields):
        monkeypatch.setattr(kind, "__module__", "extauth.sample")
        told[kind] = sorted(SNAPSHOT["_members"](kind))
    assert told[_Before] == ["def method(self, one: int, *, two: str = '2') -> None"]
    assert told[_After] == ["async def method(self, one: int, *, three: str = '2') -> None"]
    assert told[_Fields] == ["def __init__(self, number: int = 3) -> None", "number: int"]
    monkeypatch.setattr(extauth.Link, "renamed", lambda self: None, raising=False)
    assert "def renamed(self)" in list(SNAPSHOT["_members"](extauth.Link))
