"""What the proofs have in common."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Measure no coverage here: it takes long, and what runs here has tests of its own elsewhere."""
    if not config.getoption("cov_source") or config.getoption("no_cov"):
        return  # without coverage the mark is an error
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.no_cover)
