"""How a test breaks one thing in the real code for as long as it looks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

Breaking = Callable[[], AbstractContextManager[object]]
"""Returns a context manager inside which the code is broken."""


def replacing(owner: Any, name: str, broken: Any) -> Breaking:
    """Return what puts ``broken`` in the place of a method, or of a name that a module uses."""
    return lambda: patch.object(owner, name, broken)
