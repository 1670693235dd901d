"""Running what a guide defines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HOWTO = Path(__file__).parents[2] / "docs" / "howto"


def defined_in(page: str) -> dict[str, Any]:
    """Return all that the Python of a how-to page defines."""
    names: dict[str, Any] = {}
    text = (HOWTO / page).read_text()
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        exec(block, names)  # noqa: S102 - our own page
    return names
