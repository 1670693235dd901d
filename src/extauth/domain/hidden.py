"""Secrets on their way through a function.

Tools that report errors show the local variables of every frame that an error has passed.
"""

from __future__ import annotations

from typing import Generic, TypeVar, final

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
    """A text that its ``repr`` does not show, for drivers, whose frames show what they were given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


@final
class NamesOnly(dict[str, V]):
    """Values by name, of which the ``repr`` shows the names."""

    def __repr__(self) -> str:
        return f"NamesOnly({', '.join(self)})"
