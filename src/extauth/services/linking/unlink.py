"""Disconnecting a user: the tokens are gone from the store first, then revoked at the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from extauth.domain.errors import StoreUnavailable, UnknownProvider
from extauth.domain.events import LinkRemoved
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import UnlinkOutcome
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.services.events import EventEmitter
from extauth.services.linking.in_progress import InFlightCompletions
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import companion_keys, is_own_grant, is_served_by, provider_of


@final
class Unlinker:
    """Removes links. Whoever calls it should not be cancelled before it has ended."""

    def __init__(
        self,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        caller: ProviderCaller,
        emitter: EventEmitter,
        in_flight: InFlightCompletions,
    ) -> None:
        self._store = store
        self._providers = providers
        self._caller = caller
        self._emitter = emitter
        self._in_flight = in_flight

    async def provider_of(self, key: LinkKey) -> LinkingProvider | None:
        """Return who serves the link; None if nobody does any more, but there is such a link.

        :raises UnknownProvider: if there is neither.
        """
        try:
            return provider_of(self._providers, key.provider_id)
        except UnknownProvider:
            # A user can leave a provider that the deployment has dropped.
            if await self._store.get(key) is None:
                raise
            return None

    async def unlink(self, provider: LinkingProvider | None, key: LinkKey) -> UnlinkOutcome:
        """Remove the link and its companions, and revoke them if the provider is known.

        :raises StoreUnavailable: if the store is down. What it has removed until then is revoked.
        """
        keys = [key] if provider is None else [key, *companion_keys(provider, key)]
        removed: list[Link] = []
        # In this order, no callback finds its state any more, or it is seen here.
        await self._store.forget_authorizations(key)
        await self._in_flight.withdraw(key)
        try:
            for each in keys:
                link = await self._store.delete(each)
                if link is not None:
                    removed.append(link)
        except StoreUnavailable:
            await self._revoke_all(provider, removed)
            raise
        revoked = await self._revoke_all(provider, removed)
        return UnlinkOutcome(key, existed=bool(removed), revoked=bool(removed) and revoked)

    async def _revoke_all(self, provider: LinkingProvider | None, removed: list[Link]) -> bool:
        confirmed = True
        for link in removed:
            revoked = (
                provider is not None
                and not await self._is_shared(provider, link)
                and await self._revoke(provider, link)
            )
            self._emitter.emit(LinkRemoved(link.key, revoked))
            confirmed = confirmed and revoked
        return confirmed

    async def _is_shared(self, provider: LinkingProvider, link: Link) -> bool:
        """Whether revoking would end another link of the user, for the same account or perhaps the same."""
        if not provider.linking.revokes_whole_grant:
            return False
        try:
            others = await self._store.links_of(link.key.user_id)
        except StoreUnavailable:
            return True
        return any(
            is_served_by(provider, other.key.provider_id)
            and (other.account is None or link.account is None or other.account.id == link.account.id)
            for other in others
        )

    async def _revoke(self, provider: LinkingProvider, link: Link) -> bool:
        if not is_own_grant(provider, link):
            return False
        return await self._caller.call(lambda: provider.revoke(link.tokens)) is True
