"""Finding the links whose refresh token may be spent, for commands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import final

import attrs

from extauth.cli.listing import every_link
from extauth.cli.session import Session
from extauth.domain.doubt import is_doubtful
from extauth.domain.fence import DOUBTFUL
from extauth.domain.inventory import LinkFilter, LinkSummary, inventory_of
from extauth.domain.link import LinkKey
from extauth.domain.store_history import StoreHistory


@final
@attrs.frozen
class DoubtfulLink:
    """One of them."""

    key: LinkKey
    held: bool
    """Whether it waits for an operator."""


@final
@attrs.frozen
class Doubtful:
    """All of them."""

    restored_at: datetime | None
    links: tuple[DoubtfulLink, ...]


async def doubtful_links(
    session: Session,
    store: object,
    history: StoreHistory,
    spared: Collection[str],
    wanted: LinkFilter,
    *,
    before: datetime | None = None,
) -> Doubtful:
    """Find those among the links that are meant: what was held, and what is from ``before``, or from before
    the restore was noticed.

    :raises StoreUnavailable: if the store is down.
    """
    seen = await history.look()
    restored_at = None if seen is None else seen.restored_at
    since = before or restored_at
    if since is None:
        wanted = attrs.evolve(wanted, reason=DOUBTFUL)
    links: list[DoubtfulLink] = []
    with session.progress.of("looking") as bar:
        async for link in every_link(inventory_of(store), wanted):
            bar.advance()
            if link.state == "unreadable":
                continue
            held = _is_held(link)
            if held or (since is not None and _may_be_spent(link, since, spared)):
                links.append(DoubtfulLink(link.key, held))
    return Doubtful(restored_at, tuple(links))


def _is_held(link: LinkSummary) -> bool:
    return link.failure is not None and link.failure.reason == DOUBTFUL


def _may_be_spent(link: LinkSummary, since: datetime, spared: Collection[str]) -> bool:
    return link.updated_at is not None and is_doubtful(
        link.key.provider_id,
        refreshable=link.refreshable,
        written_at=link.updated_at,
        failure=link.failure,
        restored_at=since,
        spared=spared,
    )
