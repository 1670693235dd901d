"""The how-tos use the front door: who reads one needs to know of no service beneath it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
# A store is written against the port that the services use, and tested with them; access is controlled
# beneath them.
BENEATH = {"write-a-store.md", "control-access.md"}
GUIDES = sorted(path for path in HOWTO.glob("*.md") if path.name not in BENEATH)


def test_there_are_guides():
    """They are found where they are."""
    assert {"connect-users.md", "several-accounts.md"} <= {path.name for path in GUIDES}


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_examples_use_the_front_door(path):
    """No example wires a store and the services by hand."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))
    assert re.findall(r"\b(?:TokenService|LinkingService)\b", code) == []
