"""Which links there are, of all users, found by what they are like, and without their tokens.

``inventory_of(store).find(LinkFilter(provider_id="github"))`` is a part of them, ordered; what follows is
found after its ``next``. ``extauth links`` shows the same.
"""

from __future__ import annotations

from extauth.domain.inventory import (
    BegunAuthorization,
    CountedLinks,
    FoundLinks,
    LinkFilter,
    LinkInventory,
    LinkState,
    LinkSummary,
    inventory_of,
)

__all__ = [
    "BegunAuthorization",
    "CountedLinks",
    "FoundLinks",
    "LinkFilter",
    "LinkInventory",
    "LinkState",
    "LinkSummary",
    "inventory_of",
]
