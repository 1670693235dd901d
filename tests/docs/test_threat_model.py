"""The table of RFC 9700 has a row for each section, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.attacks.attack import all_attacks

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "explanation" / "rfc-9700.md").read_text()
ROWS = re.findall(r"^\| (\d[\d.]*), .*$", TABLE, re.MULTILINE)
SECTIONS = ["2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", *(f"2.{n}" for n in range(3, 7))] + [
    f"4.{n}" for n in range(1, 18)
]


def test_every_section_has_a_row():
    """Nothing of the document is left out."""
    assert ROWS == SECTIONS


def test_every_attack_that_is_named_is_played():
    """A name in the table begins an attack's, or more than one's."""
    cells = re.findall(r"attacks? ((?:\"[^\"]+\"(?:, )?)+)", TABLE)
    named = {name for cell in cells for name in re.findall(r"\"([^\"]+)\"", cell)}
    played = [attack.name for attack in all_attacks()]
    assert len(named) > 15
    assert {name for name in named if not any(each.startswith(name) for each in played)} == set()


def test_every_test_that_is_named_is_there():
    """A path in the table leads to a file."""
    paths = set(re.findall(r"`(tests/[\w/]+\.py)`", TABLE))
    assert paths
    assert {path for path in paths if not (ROOT / path).is_file()} == set()


def test_there_are_at_least_thirty_attacks():
    """As many as the threat model is worth."""
    assert len(all_attacks()) >= 30
