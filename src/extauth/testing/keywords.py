"""Handing on optional keywords only where they are given: stores and providers may not know them yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extauth.services.arguments import takes


def given(**keywords: object) -> dict[str, Any]:
    """Return those that are not None."""
    return {name: value for name, value in keywords.items() if value is not None}


def understood(method: Callable[..., object], **keywords: object) -> dict[str, Any]:
    """Return those that are not None and that the method knows: one that is broken on purpose may not."""
    return {name: value for name, value in given(**keywords).items() if takes(method, name)}
