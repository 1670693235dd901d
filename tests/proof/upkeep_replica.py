"""Upkeep that is broken on purpose."""

from __future__ import annotations

from typing import Any

from extauth import LinkKey, TokenService
from extauth.domain.outcomes import Exchanged


class WithoutLeases:
    """Upkeep that asks the provider itself and stores what comes, instead of going through flights."""

    def __init__(self, service: TokenService, store: Any, provider: Any) -> None:
        self.store = store
        self.provider = provider

    async def impediment(self, link: Any) -> None:
        return None

    async def refresh(self, link: Any) -> bool:
        outcome = await self.provider.refresh(link.tokens)
        if isinstance(outcome, Exchanged):
            await self.store.save(link.key, link.version, outcome.tokens)
        return True


class WithAnyLink:
    """Upkeep that refreshes whatever version there is by now, and not the one that was due."""

    def __init__(self, service: TokenService, store: Any, provider: Any) -> None:
        self.service = service

    async def impediment(self, link: Any) -> None:
        return None

    async def refresh(self, link: Any) -> bool:
        key: LinkKey = link.key
        await self.service.refresh(key.provider_id, key.user_id)
        return True


class AsIfRefused:
    """Upkeep that says of a token which works that an API refuses it, so that there is nothing to lose."""

    def __init__(self, service: TokenService, store: Any, provider: Any) -> None:
        self.service = service

    async def impediment(self, link: Any) -> None:
        return None

    async def refresh(self, link: Any) -> bool:
        key: LinkKey = link.key
        refused = link.tokens.access_token
        await self.service.refresh(key.provider_id, key.user_id, rejected=refused)
        return True
