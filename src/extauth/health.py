"""How a link is doing: what :meth:`extauth.Auth.health` returns.

A :class:`Health` has one state, :data:`LinkState`, and says besides whether the link is stored in plain text
and whether it is a former client's. :func:`health` is the same for a link that is at hand.
"""

from __future__ import annotations

from extauth.domain.health import (
    AHEAD,
    Broken,
    Expiring,
    Health,
    Healthy,
    LinkState,
    ProbablyBroken,
    Source,
    health,
)

__all__ = [
    "AHEAD",
    "Broken",
    "Expiring",
    "Health",
    "Healthy",
    "LinkState",
    "ProbablyBroken",
    "Source",
    "health",
]
