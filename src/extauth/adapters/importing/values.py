"""Values of other places' columns, as extauth has them. Pure; no error repeats a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, TypeAlias, cast
from uuid import UUID

from extauth.domain.hidden import plain
from extauth.domain.imports import RowRefused

Epoch: TypeAlias = Literal["seconds", "milliseconds"]

_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_UNITS: Final = {"seconds": timedelta(seconds=1), "milliseconds": timedelta(milliseconds=1)}
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def optional_text(value: object, what: str) -> str | None:
    """Return a text; None for nothing, as which an empty one counts.

    :raises RowRefused: for anything else.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        msg = f"{what} is a {type(value).__name__}, and no text"
        raise RowRefused(msg)
    return value


def id_text(value: object, what: str) -> str:
    """Return an id as text; whole numbers and UUIDs are written as they usually are.

    :raises RowRefused: for nothing and for anything else.
    """
    if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    text = optional_text(value, what)
    if text is None:
        msg = f"{what} is missing"
        raise RowRefused(msg)
    return plain(text)


def optional_instant(value: object, what: str, *, epoch: Epoch, naive: tzinfo | None) -> datetime | None:
    """Return an instant, None for nothing: a ``datetime``, a number since 1970 or text of either (ISO 8601).

    ``naive`` is the time zone of those that name none.

    :raises RowRefused: for anything else, and for one without a zone if ``naive`` is None.
    """
    instant: datetime | None = None
    try:
        if value is None or value == "":
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, datetime):
            instant = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            instant = _BEGINNING + value * _UNITS[epoch]
        elif isinstance(value, str):
            instant = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        pass
    del value  # a token, if the columns were mixed up
    if instant is None:
        msg = f"{what} is no time: neither a datetime, nor {epoch} since 1970, nor ISO 8601"
        raise RowRefused(msg)
    if instant.tzinfo is None:
        if naive is None:
            msg = f"{what} has no time zone; say which is meant: naive=UTC, or of the command --utc"
            raise RowRefused(msg)
        instant = instant.replace(tzinfo=naive)
    return instant


def mapping_of(value: object) -> Mapping[str, object] | None:
    """Return a JSON object, or whatever else has values by name; None for anything else."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def scopes(value: object, what: str, *, separator: str | None) -> frozenset[str]:
    """Return scope names, of text in which they are parted by ``separator`` (None: by spaces), or of a list.

    :raises RowRefused: for anything else.
    """
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(name for part in value.split(separator) if (name := part.strip()))
    if isinstance(value, Iterable):
        names = [*cast("Iterable[object]", value)]
        if all(isinstance(name, str) for name in names):
            return frozenset(str(name) for name in names)
    msg = f"{what} is neither text nor a list of texts"
    raise RowRefused(msg)
