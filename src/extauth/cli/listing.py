"""Going through many links page by page, for commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final

from extauth.cli.session import Session
from extauth.domain.inventory import LinkFilter, LinkInventory, LinkState, LinkSummary
from extauth.domain.link import LinkKey

PAGE: Final = 1000


async def every_link(
    inventory: LinkInventory, wanted: LinkFilter, after: LinkKey | None = None
) -> AsyncGenerator[LinkSummary, None]:
    """Yield every link that matches, in the order of the keys."""
    while True:
        found = await inventory.find(wanted, after=after, limit=PAGE)
        for link in found.links:
            yield link
        if found.next is None:
            return
        after = found.next


async def counted(
    session: Session, inventory: LinkInventory, wanted: LinkFilter
) -> Counter[tuple[str, LinkState]]:
    """Count all that match, with progress."""
    counts: Counter[tuple[str, LinkState]] = Counter()
    after: LinkKey | None = None
    with session.progress.of("counting") as bar:
        while True:
            part = await inventory.count(wanted, after=after)
            counts.update(part.counts)
            bar.advance(sum(part.counts.values()))
            if part.next is None:
                return counts
            after = part.next


async def found_link(inventory: LinkInventory, key: LinkKey) -> LinkSummary | None:
    """Return one link."""
    wanted = LinkFilter(provider_id=key.provider_id, user_id=key.user_id)
    async for link in every_link(inventory, wanted):
        if link.key == key:
            return link
    return None
