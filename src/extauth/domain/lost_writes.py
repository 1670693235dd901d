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


def put_back_by_another(stored: Link, known: Link) -> bool:
    """Whether the store fell back behind ``known``, and another replica has mended that.

    A user who authorizes again, and is given the same tokens, gets a higher version.
    """
    later = stored.updated_at > known.updated_at
    return later and stored.version <= known.version and was_put_back(stored, known)


def says_more(stored: Link, known: Link) -> bool:
    """Whether an older state says of its grant what ``known`` does not say: whose account it is, or a client.
    It may be another grant's, so that neither is true of the newer tokens.

    What was put back is the same grant, and whose it is may have been found out since.
    """
    if was_put_back(stored, known):
        return False
    account = stored.account is not None and stored.account != known.account
    return account or (stored.origin is not None and known.origin is None)
