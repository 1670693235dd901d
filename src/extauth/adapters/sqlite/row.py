"""A row of a result, and the instants in it: integer microseconds since 1970."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final, overload

from extauth.adapters.sql.plain_links import INSTANTS, link_parts, token_parts

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The instants that Python has."""


@final
class Row:
    """A row of a result. Its ``repr`` shows no value, and it is no sequence: tools that report errors look
    into those, whatever their ``repr``. One of ``link_columns`` is an
    :class:`~extauth.domain.partly_read.Unread`, too."""

    __slots__ = ("_values",)

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values

    @overload
    def __getitem__(self, index: int, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice, /) -> Any:
        return self._values[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __repr__(self) -> str:
        return f"<Row of {len(self._values)} columns>"

    def link_parts(self) -> Mapping[str, Any]:
        """See :class:`~extauth.domain.partly_read.Unread`."""
        return link_parts(self, instant_from_micros)

    def token_parts(self) -> Mapping[str, Any]:
        """Likewise."""
        return token_parts(self, optional_instant)

    def micros(self, name: str) -> int | None:
        """Return the instant of that name."""
        value: int | None = self[INSTANTS[name]]
        return value


def instant_to_micros(instant: datetime | None) -> int | None:
    """Write an aware instant."""
    return None if instant is None else (instant - _EPOCH) // _MICROSECOND


def instant_from_micros(value: int) -> datetime:
    """Read an instant."""
    return _EPOCH + timedelta(microseconds=value)


def optional_instant(value: int | None) -> datetime | None:
    """Read what :func:`instant_to_micros` wrote."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)
