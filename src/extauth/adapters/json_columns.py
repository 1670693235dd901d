"""How scopes and extra members of a provider's answer are written in a text column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache

from extauth.domain.storable import JsonValue


def scopes_to_text(scopes: Iterable[str]) -> str:
    """Write scopes as a sorted JSON array; the empty set as empty text."""
    names = sorted(scopes)
    return json.dumps(names) if names else ""


@lru_cache  # most links of a provider have the same
def scopes_from_text(text: str) -> frozenset[str]:
    """Read what :func:`scopes_to_text` wrote."""
    return frozenset(json.loads(text)) if text else frozenset()


def extra_to_text(extra: Mapping[str, JsonValue]) -> str:
    """Write a JSON object in ASCII, so that no store sees a character it cannot keep."""
    return json.dumps(dict(extra)) if extra else ""


def extra_from_text(text: str) -> dict[str, JsonValue]:
    """Read what :func:`extra_to_text` wrote."""
    return json.loads(text) if text else {}
