"""What the client would have: a page or JSON, and in which language (RFC 9110 section 12.5). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MOST: Final = 32
_LONGEST: Final = 100
"""Of a name, in characters. Language tags have a few dozen (RFC 5646 section 4.4.1), and each of their parts
costs a look."""
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_JSON: Final = frozenset({"application/json", "application/problem+json"})
_ANY: Final = frozenset({"*/*", "text/*", "application/*"})


def wants_json(accept: str) -> bool:
    """Whether JSON is asked for by name, and no less than a page is."""
    best = {"json": 0.0, "html": 0.0, "any": 0.0}
    for kind, weight in _weighted(accept):
        group = "json" if kind in _JSON else "html" if kind in _HTML else "any" if kind in _ANY else ""
        if group:
            best[group] = max(best[group], weight)
    return best["json"] > best["html"] and best["json"] >= best["any"]


def best_language(accept_language: str, known: Sequence[str]) -> str:
    """Return which of the known languages suits best; the first if none does.

    A range such as ``de-AT`` suits ``de`` (RFC 4647 section 3.4).
    """
    wanted = sorted(_weighted(accept_language), key=lambda each: -each[1])
    by_name = {each.lower(): each for each in known}
    for name, weight in wanted:
        tag = name
        while weight > 0 and tag:
            if tag in by_name:
                return by_name[tag]
            tag = tag.rpartition("-")[0]
    return known[0]


def _weighted(header: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for each in header.split(",")[:_MOST]:
        name, *parameters = each.strip().lower().split(";")
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.strip().partition("=")
            if key == "q":
                weight = _number(value)
        if 0 < len(name.strip()) <= _LONGEST:
            found.append((name.strip(), weight))
    return found


def _number(value: str) -> float:
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
