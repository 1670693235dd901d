"""Looking at a link without touching it: how it is doing, and what store and provider know besides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import final

import attrs

from extauth.domain.health import Health, health
from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.ports import Clock
from extauth.domain.sealed import keeps_plain
from extauth.services.errors import link_not_found
from extauth.services.providers import encrypted, provider_of
from extauth.services.registered_clients import is_former_clients


@final
@attrs.frozen
class HealthCheck:
    """Looks at the links of a store."""

    store: LinkingStore
    providers: Mapping[str, LinkingProvider]
    clock: Clock

    async def of(self, key: LinkKey, ahead: timedelta) -> Health:
        """See :meth:`extauth.Auth.health`."""
        provider = provider_of(self.providers, key.provider_id)
        link = await self.store.get(key)
        if link is None:
            raise link_not_found(key)
        if (sealed := encrypted(link)) is not None:
            raise sealed
        return health(
            link,
            self.clock.now(),
            provider.traits,
            ahead=ahead,
            not_encrypted=await keeps_plain(self.store, key),
            of_former_client=await is_former_clients(self.providers, link),
        )
