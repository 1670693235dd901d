"""Telling the kinds of parsed JSON apart, in a way that the type checker follows."""

from __future__ import annotations

from typing import TypeGuard


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether it is an object; its keys are strings."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether it is a list."""
    return isinstance(value, list)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, which ``true`` is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_filled(value: object) -> TypeGuard[str]:
    """Whether it is a text that is not empty."""
    return isinstance(value, str) and bool(value)
