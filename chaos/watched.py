"""A provider and a store that write in the journal what the oracle needs to know about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, cast, final

from chaos.digests import digest
from chaos.journal import Journal
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import GrantOrigin, LinkKey, RefreshFailure
from extauth.domain.outcomes import (
    Claimed,
    ClaimOutcome,
    Exchanged,
    ExchangeOutcome,
    Recorded,
    RecordOutcome,
    Saved,
    SaveOutcome,
    Stale,
)
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import LinkStore, OAuthProvider, Takeover
from extauth.domain.token_set import TokenSet

PRESENTING: Final = "presenting"
ANSWERED: Final = "answered"
SAVED: Final = "saved"
MARKED: Final = "marked"
UNMARKED: Final = "unmarked"


@final
class WatchedProvider:
    """Notes each presentation before it is made, and how it ended.

    ``provider_for`` returns the provider for one exchange, given the exchange's name.
    """

    def __init__(
        self, presenter: str, provider_for: Callable[[str], OAuthProvider], journal: Journal
    ) -> None:
        self._presenter = presenter
        self._provider_for = provider_for
        self._journal = journal
        self._exchanges = 0
        provider = provider_for(presenter)
        self.provider_id: str = provider.provider_id
        self.traits: ProviderTraits = provider.traits
        self.origin: GrantOrigin | None = provider.origin

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        self._exchanges += 1
        exchange = f"{self._presenter}#{self._exchanges}"
        self._journal.write(PRESENTING, exchange=exchange, token=digest(tokens.refresh_token or ""))
        try:
            outcome = await self._provider_for(exchange).refresh(tokens, resource=resource)
        except asyncio.CancelledError:
            self._journal.write(ANSWERED, exchange=exchange, outcome="Unknown", code="exchange_timeout")
            raise
        issued = outcome.tokens.refresh_token if isinstance(outcome, Exchanged) else None
        self._journal.write(
            ANSWERED,
            exchange=exchange,
            outcome=type(outcome).__name__,
            code=getattr(outcome, "code", None),
            issued=digest(issued) if issued else None,
        )
        return outcome

    async def revoke(self, tokens: TokenSet) -> bool:
        return await self._provider_for(self._presenter).revoke(tokens)


@final
class _WatchedStore:
    """Notes, after the fact, each refresh token that is saved, and each that is marked dead or cannot be."""

    def __init__(self, store: LinkStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._claimed: dict[tuple[LinkKey, int], str] = {}
        """The digest of the refresh token of each version that was claimed here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        outcome = await self._store.claim(key, version, owner, ttl, takeover=takeover)
        if isinstance(outcome, Claimed):
            self._claimed[key, version] = digest(outcome.link.tokens.refresh_token or "")
        return outcome

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
    ) -> SaveOutcome:
        outcome = await self._store.save(key, version, tokens, origin=origin, written_at=written_at)
        # Stale with the same token: an earlier try had worked after all.
        stored = outcome.link.tokens if isinstance(outcome, Saved | Stale) else None
        if stored is not None and stored.refresh_token == tokens.refresh_token:
            self._journal.write(SAVED, token=digest(tokens.refresh_token or ""))
        return outcome

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        try:
            outcome = await self._store.record_failure(key, version, failure, written_at=written_at)
        except StoreUnavailable:
            if failure.permanent:
                self._journal.write(UNMARKED, token=self._claimed[key, version])
            raise
        if isinstance(outcome, Recorded) and failure.permanent:
            self._journal.write(MARKED, token=digest(outcome.link.tokens.refresh_token or ""))
        return outcome


def watched(store: LinkStore, journal: Journal) -> LinkStore:
    """Return the store with its saves and marks noted."""
    return cast("LinkStore", _WatchedStore(store, journal))
