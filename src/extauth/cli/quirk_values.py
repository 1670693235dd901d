"""Habits of a server as the command line has them: names, and values of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast, get_args, get_type_hints

import attrs

from extauth.testing.server.quirks import ServerQuirks
from extauth.testing.server.refusals import Refusal


def quirks_of(given: Mapping[str, object]) -> ServerQuirks:
    """Return habits of these names and values; spans are in seconds, a refusal is an object or its code.

    :raises ValueError: for one that there is not, or whose value cannot be.
    :raises TypeError: likewise.
    """
    hints = get_type_hints(ServerQuirks)
    if unknown := given.keys() - hints.keys():
        msg = f"no habit of a server is called {', '.join(sorted(unknown))}; see ServerQuirks"
        raise ValueError(msg)
    values = {name: _value(value, hints[name], name) for name, value in given.items()}
    return attrs.evolve(ServerQuirks(), **cast("dict[str, Any]", values))


def _value(value: object, hint: object, name: str) -> object:
    kinds = {hint, *get_args(hint)}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if bool in kinds and not isinstance(value, bool):
        msg = f"{name} must be true or false"
        raise ValueError(msg)
    if timedelta in kinds and is_number:
        return timedelta(seconds=cast("float", value))
    if Refusal in kinds and value is not None:
        return Refusal(**cast("dict[str, Any]", value)) if isinstance(value, dict) else Refusal(str(value))
    if isinstance(value, list):
        listed = cast("list[object]", value)
        limits = any(timedelta in get_args(kind) for kind in kinds)
        return (listed[0], timedelta(seconds=cast("float", listed[1]))) if limits else frozenset(listed)
    return value
