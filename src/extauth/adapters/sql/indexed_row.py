"""What a row of either driver is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, overload


class IndexedRow(Protocol):
    """A row of a result."""

    @overload
    def __getitem__(self, index: int, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice, /) -> Any:
        """Return the value in that column, or those in some."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Give the values in the order of the columns."""
        ...
