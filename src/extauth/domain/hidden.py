"""Secrets on their way through a function.

Tools that report errors show the local variables of every frame that an error has passed. Many of them look
into whatever is a mapping or a sequence, and cut long texts, before they ask for the ``repr`` of what they
find.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, SupportsIndex, TypeVar, cast, final

import attrs

T = TypeVar("T")
V = TypeVar("V")


@final
@attrs.frozen
class Hidden(Generic[T]):
    """A value that its ``repr`` does not show."""

    value: T = attrs.field(repr=False)


@final
class HiddenText(str):
    """A text that its ``repr`` does not show, nor that of a part of it, for drivers, whose frames show what
    they were given."""

    __slots__ = ()

    def __getitem__(self, part: SupportsIndex | slice) -> HiddenText:
        return HiddenText(super().__getitem__(part))

    def __repr__(self) -> str:
        return "<hidden>"


_DEEPEST = 8
"""Levels of JSON: where secrets are, and deeper than tools look."""


def plain(value: T) -> T:
    """Return the same without what hides its texts: for what is read of hidden values and is no secret.

    A user's id or a server's address that nobody can see in a ``repr`` helps nobody who looks after it.
    """
    return cast("T", _with_texts(value, _DEEPEST + 1, str))  # values by name, and what is hidden in them


def _with_texts(value: object, depth: int, text: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return text(value)
    if depth and isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {name: _with_texts(inner, depth - 1, text) for name, inner in members.items()}
    if depth and isinstance(value, list):
        return [_with_texts(inner, depth - 1, text) for inner in cast("list[object]", value)]
    return value


@final
class NamesOnly(dict[str, V]):
    """Values by name, of which the ``repr`` shows the names. Each text in them is hidden by itself, too."""

    def __init__(self, values: Mapping[str, V]) -> None:
        super().__init__(
            cast(
                "dict[str, V]",
                {name: _with_texts(value, _DEEPEST, HiddenText) for name, value in values.items()},
            )
        )

    def __repr__(self) -> str:
        return f"NamesOnly({', '.join(self)})"
