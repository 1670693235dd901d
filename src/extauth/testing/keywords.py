"""Handing on optional keywords only where they are given: stores and providers may not know them yet."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def given(**keywords: T | None) -> dict[str, T]:
    """Return those that are not None."""
    return {name: value for name, value in keywords.items() if value is not None}
