"""A replica whose first caller is upkeep, for the explorer."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from extauth import StoreUnavailable, TokenService, Upkeep, UpkeepService


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
            rng=random.Random(0),  # noqa: S311 - it shuffles
        )
        self.looked = False

    async def __aenter__(self) -> Self:
        await self.service.__aenter__()
        return self

    async def access_token(self, provider_id: str, user_id: str, **options: Any) -> str:
        """See :class:`~extauth.TokenService`; before the first one upkeep looks through all links."""
        if not self.looked:
            self.looked = True
            with suppress(StoreUnavailable):
                await self.upkeep.run_once()
        return await self.service.access_token(provider_id, user_id, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service, name)

    async def aclose(self) -> None:
        """Close upkeep, and then the service."""
        await self.upkeep.aclose()
        await self.service.aclose()
