"""How evidence names a token that it must not hold."""

from __future__ import annotations

import hashlib

SHOWN = 16
"""Hexadecimal digits; two tokens of a storm share as many once in a million million storms."""


def digest(token: str) -> str:
    """Return the beginning of the token's SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:SHOWN]
