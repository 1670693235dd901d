"""A row of a result, and the instants in it.

Those of a link are selected as the eight bytes that the server would send in any case, microseconds since
2000. For each of a result's instants the driver makes a ``datetime``, which takes longer than all else in
a row, and gives none of the rows if one of them has an instant that Python has not.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final

import asyncpg

from extauth.adapters.sql.plain_links import INSTANTS, link_parts, token_parts

SELECTED: Final = "timestamptz_send({})"
"""What selects an instant."""

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SINCE_1970: Final = (_EPOCH - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
_EIGHT_BYTES: Final = struct.Struct(">q")

INFINITIES: Final = {
    (2**63 - 1).to_bytes(8, "big"): datetime.max.replace(tzinfo=UTC),
    (-(2**63)).to_bytes(8, "big", signed=True): datetime.min.replace(tzinfo=UTC),
}
"""As which asyncpg writes these two."""

FIRST: Final = bytes(8)
LAST: Final = ((datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND).to_bytes(8, "big")
"""The instants that bytes compare as such, and that Python has: those since 2000."""


@final
class Row(asyncpg.Record):
    """A row of a result. Its ``repr``, which asyncio in debug mode logs, shows no value. One of
    ``link_columns`` is an :class:`~extauth.domain.partly_read.Unread`, too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Row of {len(self)} columns>"

    def link_parts(self) -> Mapping[str, Any]:
        """See :class:`~extauth.domain.partly_read.Unread`."""
        return link_parts(self, instant_from_bytes)

    def token_parts(self) -> Mapping[str, Any]:
        """Likewise."""
        return token_parts(self, optional_from_bytes)

    def micros(self, name: str) -> int | None:
        """Return the instant of that name, since 1970."""
        value: bytes | None = self[INSTANTS[name]]
        return None if value is None else _EIGHT_BYTES.unpack(value)[0] + _SINCE_1970


def instant_from_bytes(value: bytes) -> datetime:
    """Read an instant that was selected as :data:`SELECTED`."""
    beyond = INFINITIES.get(value)
    if beyond is not None:
        return beyond
    return _EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))


def optional_from_bytes(value: bytes | None) -> datetime | None:
    """Read one that may be missing."""
    return None if value is None else instant_from_bytes(value)


def instant(value: datetime) -> datetime:
    """Read an instant."""
    # asyncpg writes the last and the first datetime as infinities, and reads those without a zone.
    return value.replace(tzinfo=UTC)


def optional_instant(value: datetime | None) -> datetime | None:
    """Read an instant that may be missing."""
    return None if value is None else value.replace(tzinfo=UTC)
