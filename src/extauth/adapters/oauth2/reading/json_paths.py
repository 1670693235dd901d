"""Going down into the JSON of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from extauth.adapters.oauth2.reading.json_kinds import is_filled, is_list, is_object
from extauth.adapters.oauth2.reading.member_names import standard_names
from extauth.adapters.oauth2.reading.members import storable_json

Path: TypeAlias = tuple[str, ...]
"""Members to go down in a JSON answer, outermost first; ``"0"`` is the first item of a list."""


def at(value: object, path: Sequence[str]) -> object:
    """Return what stands at the path, or None."""
    for step in path:
        if is_object(value):
            value = value.get(step)
        elif is_list(value) and step.isdecimal() and step.isascii() and len(step) <= len(str(len(value))):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def opened(members: Mapping[str, object], path: Sequence[str]) -> Mapping[str, object]:
    """Return the members with those of the object at the path laid over them, if there is one."""
    inside = object_at(members, path) if path else None
    return members if inside is None else {**members, **inside}


def object_at(value: object, path: Sequence[str]) -> dict[str, object] | None:
    """Return the members of the object at the path, by the standard's names; None if there is none."""
    found = at(value, path)
    return standard_names(found) if is_object(found) else None


def text_at(value: object, path: Sequence[str]) -> str | None:
    """Return the text or whole number at the path as text, or None for all else and for an empty text.

    None as well for text that no store can keep.
    """
    found = at(value, path)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if is_filled(found) and storable_json(found) else None
