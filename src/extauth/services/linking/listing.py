"""Listing a user's links, all of them or those of former clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import attrs

from extauth.domain.link import Link
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.services.registered_clients import is_former_clients


@final
@attrs.frozen
class Listing:
    """The links of a service."""

    store: LinkingStore
    providers: Mapping[str, LinkingProvider]

    async def links(self, user_id: str, of_former_client: bool | None) -> list[Link]:
        """See :meth:`~extauth.LinkingService.links`."""
        links = await self.store.links_of(user_id)
        if of_former_client is None:
            return links
        return [link for link in links if await is_former_clients(self.providers, link) is of_former_client]
