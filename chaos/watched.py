"""A provider and a store that write in the journal what the oracle needs to know about them."""

from __future__ import annotations

import asyncio
from typing import Any, cast, final

from chaos.digests import digest
from chaos.journal import Journal
from extauth.domain.link import GrantOrigin, LinkKey, TokenSet
from extauth.domain.outcomes import Exchanged, ExchangeOutcome, SaveOutcome
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import LinkStore, OAuthProvider

PRESENTING = "presenting"
ANSWERED = "answered"
SAVED = "saved"


@final
class WatchedProvider:
    """Notes each presentation before it is made, and how it ended."""

    def __init__(self, provider: OAuthProvider, journal: Journal) -> None:
        self._provider = provider
        self._journal = journal
        self.provider_id: str = provider.provider_id
        self.traits: ProviderTraits = provider.traits
        self.origin: GrantOrigin | None = provider.origin

    async def refresh(self, tokens: TokenSet) -> ExchangeOutcome:
        presented = digest(tokens.refresh_token or "")
        self._journal.write(PRESENTING, token=presented)
        try:
            outcome = await self._provider.refresh(tokens)
        except asyncio.CancelledError:
            self._journal.write(ANSWERED, token=presented, outcome="Cancelled", code="exchange_timeout")
            raise
        issued = outcome.tokens.refresh_token if isinstance(outcome, Exchanged) else None
        self._journal.write(
            ANSWERED,
            token=presented,
            outcome=type(outcome).__name__,
            code=getattr(outcome, "code", None),
            issued=digest(issued) if issued else None,
        )
        return outcome

    async def revoke(self, tokens: TokenSet) -> bool:
        return await self._provider.revoke(tokens)


class WatchedStore:
    """Notes each refresh token that is saved, after the save."""

    def __init__(self, store: LinkStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save(self, key: LinkKey, version: int, tokens: TokenSet) -> SaveOutcome:
        outcome = await self._store.save(key, version, tokens)
        self._journal.write(SAVED, token=digest(tokens.refresh_token or ""), outcome=type(outcome).__name__)
        return outcome


def watched(store: LinkStore, journal: Journal) -> LinkStore:
    """Return the store with its saves noted."""
    return cast("LinkStore", WatchedStore(store, journal))
