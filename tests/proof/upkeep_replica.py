"""A replica whose first caller is upkeep, for the explorer; and upkeep that is broken on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from extauth import LinkKey, StoreUnavailable, TokenService, Upkeep, UpkeepService
from extauth.domain.outcomes import Exchanged


class _Store:
    """The gated store, which has nothing to purge."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def purge_authorizations(self) -> int:
        return 0


class _Tokens:
    """What upkeep sees of a service."""

    def __init__(self, ahead: Any) -> None:
        self.ahead = ahead


class ReplicaWithUpkeep:
    """A token service that looks after links once, before it serves its first caller."""

    def __init__(
        self, store: Any, providers: Any, *, ahead: Callable[..., Any] | None = None, **options: Any
    ) -> None:
        self.service = TokenService(store, providers, **options)
        made = self.service.ahead if ahead is None else ahead(self.service, store, *providers)
        self.upkeep = UpkeepService(
            _Store(store),
            providers,
            _Tokens(made),
            upkeep=Upkeep(keep_alive=False, rate=1e9),
            clock=options["clock"],
            rng=random.Random(0),
        )
        self.looked = False

    async def __aenter__(self) -> Self:
        await self.service.__aenter__()
        return self

    async def access_token(self, provider_id: str, user_id: str, **options: Any) -> str:
        if not self.looked:
            self.looked = True
            with suppress(StoreUnavailable):
                await self.upkeep.run_once()
        return await self.service.access_token(provider_id, user_id, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service, name)

    async def aclose(self) -> None:
        await self.upkeep.aclose()
        await self.service.aclose()


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
