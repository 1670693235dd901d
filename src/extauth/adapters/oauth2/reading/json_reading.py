"""Reading JSON that others wrote, so that a fault in one member costs that member alone."""

from __future__ import annotations

import json


def parsed_json(body: bytes) -> object:
    """Return the parsed body.

    A byte that is not UTF-8 becomes a lone surrogate, which nothing that is stored may hold; the rest is
    as readable as before. Line breaks and tabs within a text are let pass. Of a name that is there twice
    the last one counts, as with most parsers (RFC 8259 section 4).

    :raises ValueError: if it is no JSON.
    :raises RecursionError: if it is nested too deep.
    """
    try:
        return json.loads(body.decode("utf-8-sig", "surrogateescape"), strict=False)
    except ValueError:
        # Perhaps UTF-16 or UTF-32, which this finds out.
        return json.loads(body)


def read_json(body: bytes) -> object:
    """Return the parsed body, or None if it is no JSON."""
    try:
        return parsed_json(body)
    except (ValueError, RecursionError):
        return None
