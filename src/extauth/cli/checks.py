"""What ``extauth doctor`` finds, one check at a time."""

from __future__ import annotations

from typing import Literal, TypeAlias, final

import attrs

Level: TypeAlias = Literal["ok", "warning", "problem"]


@final
@attrs.frozen
class Check:
    """One thing that was looked at."""

    name: str
    level: Level
    found: str
    """What there is, in one sentence."""
    do: str = ""
    """What to do, in one sentence; empty if nothing."""


def ok(name: str, found: str) -> Check:
    """Say that nothing is to be done."""
    return Check(name, "ok", found)
