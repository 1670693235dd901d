"""Encrypting one link anew, whatever else happens to it meanwhile."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from extauth.domain.link import LinkKey
from extauth.domain.optional_keywords import as_written
from extauth.domain.outcomes import Stale
from extauth.domain.sealed_rows import LinkResealer

MOST_TRIES: Final = 10
"""Of one link. Each but the first needs a refresh, or another write, that ends between read and write."""

Resealing: TypeAlias = Literal["done", "gone", "busy"]


async def reseal_link(store: LinkResealer, key: LinkKey) -> Resealing:
    """Write the link's texts again, as the store encrypts them now.

    A refresh in flight saves over it as over the old texts: neither version nor lease changes. If one has
    saved meanwhile, what it saved is read and encrypted instead; so is what the user has authorized anew
    since a failover that lost what was read, though it may have the same version. A call that is cancelled
    has written all texts of the link or none.

    Returns ``gone`` if there is no link any more, and ``busy`` if it changed each time.

    :raises CannotDecrypt: if it does not open.
    :raises LinkUnreadable: if its row is damaged.
    :raises StoreUnavailable: if the store, or a key service, cannot be asked now.
    """
    for _ in range(MOST_TRIES):
        link = await store.get(key)
        if link is None:
            return "gone"
        outcome = await store.reseal(key, link.version, link.tokens, **as_written(store.reseal, link))
        if not isinstance(outcome, Stale):
            return "done"
    return "busy"
