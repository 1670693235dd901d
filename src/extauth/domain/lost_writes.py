"""Telling a store that has lost its last writes from one that has newer ones."""

from __future__ import annotations

from extauth.domain.link import Link
from extauth.domain.resources import same_tokens


def fell_back(stored: Link, known: Link) -> bool:
    """Whether the store has an older state of a link than the one that was read from it before.

    A failover to a standby that lagged behind, and a backup that was restored, bring one back. Versions only
    grow otherwise. What was written since then is no such state, whatever its version: the user may have
    authorized anew. Both times are the store's.
    """
    return stored.version < known.version and stored.updated_at <= known.updated_at


def was_put_back(stored: Link, known: Link) -> bool:
    """Whether the store has the very tokens of ``known``, be it under another version: somebody has put them
    back after it fell back, which makes them look new."""
    return same_tokens(stored.tokens, known.tokens)
