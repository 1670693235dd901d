"""The page on messages names messages that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from extauth.adapters.oauth2.http.addresses import Reach

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "troubleshooting.md"
MESSAGES = [
    text
    for row in re.findall(r"^\| (`.*?) \| ", PAGE.read_text(), re.MULTILINE)
    for text in re.findall(r"`([^`]+)`", row)[:1]
]


def constants() -> str:
    """Return the texts in the source, with a mark where each value goes into one."""
    texts = []
    for path in sorted((ROOT / "src" / "extauth").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.JoinedStr(values=values):
                    parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in values]
                    texts.append("".join(map(str, parts)))
                case ast.Constant(value=str(text)):
                    texts.append(text)
    return "\n".join(texts)


SOURCE = constants()


@pytest.mark.parametrize("message", MESSAGES)
def test_the_source_has_each_message(message):
    """Whoever changes a message finds the page that explains it."""
    parts = [re.escape(part) for part in re.split(r"\.\.\.|\(\w+\)$", message)]
    assert re.search(r"[^\n]{0,80}?".join(parts).strip(), SOURCE), message


def test_where_a_provider_may_be():
    """What pages say to give as ``reach`` can be given."""
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    said = {word for page in pages for word in re.findall(r"reach=\"(\w+)\"", page.read_text())}
    assert said - set(get_args(Reach)) == set()


def test_there_are_many():
    """The page is read as it is written."""
    assert len(MESSAGES) > 25
