"""What every store can keep: the values that the domain accepts, and how it refuses the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

import attrs

from extauth.domain.wrong_types import id_text

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""What JSON can say, as Python's ``json`` module reads it back."""

MAX_ID_LENGTH = 255
"""Longest provider or user id, in characters (code points)."""


def storable_text(value: object, what: str) -> str:
    """Return ``value`` if every store can keep it: a ``str`` of valid Unicode without NUL.

    :raises ValueError: otherwise. The message never contains the value, which may be a secret.
    """
    if not isinstance(value, str):
        msg = f"{what} must be a str, not {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    if "\0" in value:
        msg = f"{what} must not contain a NUL character"
        raise ValueError(msg)
    if not (value.isascii() or _encodable(value)):
        msg = f"{what} must be valid Unicode, without lone surrogates"
        raise ValueError(msg)
    return value


def version_number(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    """Refuse what no store counts: versions are whole numbers, which are compared and added to."""
    if type(value) is not int:
        msg = f"{attribute.name} must be an int, not {type(value).__name__}"
        raise ValueError(msg)


def _encodable(value: str) -> bool:
    # The codec's error carries the whole value: it must not even be the context of another.
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def aware_utc(value: datetime) -> datetime:
    """Return the same instant in UTC.

    :raises ValueError: for a naive datetime, and for one before year 1 or after year 9999 in UTC.
    """
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        msg = "an instant must be an aware datetime, for example datetime.now(UTC)"
        raise ValueError(msg)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "an instant must be between the years 1 and 9999 in UTC"
        raise ValueError(msg) from None


def identifier(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validate an id: non-empty storable text of at most :data:`MAX_ID_LENGTH` characters."""
    storable_text(value, attribute.name)
    if not value:
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)
    if len(value) > MAX_ID_LENGTH:
        msg = f"{attribute.name} must be at most {MAX_ID_LENGTH} characters, not {len(value)}"
        raise ValueError(msg)


def key_part(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validate an id that the application gives as part of a key; of another type it is a ``TypeError``."""
    id_text(value, attribute.name)
    identifier(_, attribute, value)


def text(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validate storable text."""
    storable_text(value, attribute.name)


def optional_text(_: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    """Validate storable text or None."""
    if value is not None:
        storable_text(value, attribute.name)


def masked(value: object) -> str:
    """Show whether there is a secret, and not which."""
    return repr(value) if value is None else "'***'"


def names_only(value: Mapping[str, JsonValue]) -> str:
    """Show the names of members, and no value: any may be a secret."""
    return "{" + ", ".join(f"{name!r}: ***" for name in value) + "}"


def empty_is_none(value: str | None) -> str | None:
    """Take ``''`` for nothing, as providers send it."""
    return value or None


def optional_instant(value: datetime | None) -> datetime | None:
    """Return the same instant in UTC, or None; raises as :func:`aware_utc`."""
    return None if value is None else aware_utc(value)


def scope_names(value: Iterable[str]) -> frozenset[str]:
    """Return scope names as a set.

    :raises ValueError: for a single ``str``, which would become its letters, and for unstorable text.
    """
    if isinstance(value, frozenset):
        return _checked_names(value)
    if isinstance(value, str):
        msg = "scopes must be a collection of scope names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return frozenset(storable_text(scope, "scopes") for scope in value)


@lru_cache  # most links of a provider have the same, and a token set is made several times in a refresh
def _checked_names(value: frozenset[str]) -> frozenset[str]:
    return frozenset(storable_text(scope, "scopes") for scope in value)


def json_object(value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return a copy of what JSON would give back the same.

    :raises ValueError: if it would not.
    """
    if not value:
        return {}
    given = dict(value)
    try:
        kept = json.loads(json.dumps(given, allow_nan=False))
        same = bool(kept == given)
    except (TypeError, ValueError, RecursionError):
        same, kept = False, {}
    if not same:
        msg = "extra must be JSON: str keys, and str, finite number, bool, None, list or dict values"
        raise ValueError(msg)
    return kept  # type: ignore[no-any-return]
