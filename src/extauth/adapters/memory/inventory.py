"""Listing the links of the store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import final

from extauth.adapters.memory.linking import MemoryAuthorizations
from extauth.adapters.memory.rows import Row
from extauth.domain.inventory import (
    BegunAuthorization,
    CountedLinks,
    FoundLinks,
    LinkFilter,
    LinkSummary,
    matches,
    state_of,
)
from extauth.domain.link import Link, LinkKey
from extauth.one_loop import OneLoop, on_one_loop


@final
@on_one_loop
class MemoryInventory:
    """A :class:`~extauth.domain.inventory.LinkInventory`."""

    def __init__(
        self,
        home: OneLoop,
        now: Callable[[], datetime],
        rows: Mapping[LinkKey, Row],
        authorizations: MemoryAuthorizations,
    ) -> None:
        self._home = home
        self._now = now
        self._rows = rows
        self._authorizations = authorizations

    async def find(self, wanted: LinkFilter, *, after: LinkKey | None = None, limit: int = 100) -> FoundLinks:
        if limit < 1:
            msg = f"limit must be at least 1, not {limit}"
            raise ValueError(msg)
        now = self._now()
        links = [LinkSummary.of(link, now) for link in self._matching(wanted, after, now)[:limit]]
        return FoundLinks(tuple(links), links[-1].key if len(links) == limit else None)

    async def count(self, wanted: LinkFilter, *, after: LinkKey | None = None) -> CountedLinks:
        now = self._now()
        links = self._matching(wanted, after, now)
        return CountedLinks(Counter((link.key.provider_id, state_of(link, now)) for link in links), None)

    async def authorizations_of(self, user_id: str) -> list[BegunAuthorization]:
        return self._authorizations.of_user(user_id)

    def _matching(self, wanted: LinkFilter, after: LinkKey | None, now: datetime) -> list[Link]:
        seen = [row.seen_at(now) for key, row in sorted(self._rows.items()) if after is None or key > after]
        return [link for link in seen if matches(link, wanted, now)]
