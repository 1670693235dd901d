"""Copies of frozen values in which some parts are others.

``attrs.evolve`` has every part converted and validated once more. That is right for what somebody gives, and
most of the time that a copy takes where all of it was looked at before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import attrs

T = TypeVar("T", bound=attrs.AttrsInstance)

_new = object.__new__


def changed(value: T, **parts: Any) -> T:
    """Return a copy with these parts, each of which is as the class would have it."""
    kind = type(value)
    copy = _new(kind)
    for name, put in _parts(kind):
        put(copy, parts[name] if name in parts else getattr(value, name))
    return copy


@cache
def _parts(kind: type[attrs.AttrsInstance]) -> Sequence[tuple[str, Callable[[object, object], None]]]:
    # Each class has slots: their setters do what a frozen class refuses to everybody else.
    return [(part.name, vars(kind)[part.name].__set__) for part in attrs.fields(kind)]
