"""Disconnecting a user: the tokens are gone from the store first, then revoked at the provider."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import final

from extauth.domain.errors import CannotDecrypt, LinkUnreadable, StoreUnavailable, UnknownProvider
from extauth.domain.events import LinkRemoved
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import UnlinkOutcome
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.revocation import NO_PROVIDER
from extauth.services.events import EventEmitter
from extauth.services.grant_ender import Ended, GrantEnder
from extauth.services.linking.in_progress import InFlightCompletions
from extauth.services.providers import companion_keys, provider_of


@final
class Unlinker:
    """Removes links. Whoever calls it should not be cancelled before it has ended."""

    def __init__(
        self,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        grant_ender: GrantEnder,
        emitter: EventEmitter,
        in_flight: InFlightCompletions,
    ) -> None:
        self._store = store
        self._providers = providers
        self._grant_ender = grant_ender
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
            with suppress(LinkUnreadable, CannotDecrypt):  # then there is one
                if await self._store.get(key) is None:
                    raise
            return None

    async def unlink(self, provider: LinkingProvider | None, key: LinkKey) -> UnlinkOutcome:
        """Remove the link and its companions, and revoke them if the provider is known.

        :raises StoreUnavailable: if the store is down. What it has removed until then is revoked.
        :raises CannotDecrypt: if what it has removed does not open, so that it cannot be revoked; likewise.
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
        except (StoreUnavailable, CannotDecrypt):
            await self._end_all(provider, removed)
            raise
        ended = await self._end_all(provider, removed)
        return UnlinkOutcome(
            key,
            existed=bool(removed),
            revoked=bool(removed) and all(each.revoked for each in ended),
            reason=next((each.reason for each in ended if each.reason is not None), None),
            also_ended=tuple(dict.fromkeys(other for each in ended for other in each.others)),
        )

    async def _end_all(self, provider: LinkingProvider | None, removed: list[Link]) -> list[Ended]:
        all_ended: list[Ended] = []
        for link in removed:
            ended = Ended(NO_PROVIDER)
            if provider is not None:
                ended = await self._grant_ender.end_link(provider, link)
            self._emitter.emit(LinkRemoved(link.key, ended.revoked, ended.reason))
            all_ended.append(ended)
        return all_ended
