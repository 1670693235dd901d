"""Asking a provider whether it accepts a link's access token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from extauth.domain.link import LinkKey
from extauth.domain.linking_outcomes import TokenUnverified, TokenValid, Validity
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.outcomes import Unknown
from extauth.services.errors import GRANT_OF_ANOTHER_CLIENT, link_not_found
from extauth.services.linking.connect import GrantConnector
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import encrypted, provider_of
from extauth.services.registered_clients import provider_of_link


@final
class Validator:
    """Asks, and records what the answer says of the account."""

    def __init__(
        self,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        caller: ProviderCaller,
        connector: GrantConnector,
    ) -> None:
        self._store = store
        self._providers = providers
        self._caller = caller
        self._connector = connector

    async def validate(self, key: LinkKey) -> Validity:
        """See :meth:`~extauth.LinkingService.validate`."""
        configured = provider_of(self._providers, key.provider_id)
        link = await self._store.get(key)
        if link is None:
            raise link_not_found(key)
        if (sealed := encrypted(link)) is not None:
            raise sealed
        provider = await provider_of_link(configured, link)
        if provider is None:
            return TokenUnverified(GRANT_OF_ANOTHER_CLIENT)
        validity = await self._caller.call(lambda: provider.validate(link.tokens))
        if isinstance(validity, Unknown):
            return TokenUnverified(validity.code, validity.retry_after)
        if isinstance(validity, TokenValid) and validity.account is not None:
            if link.account is not None and link.account.id != validity.account.id:
                # The account of a grant never changes; of two answers the first, be it an ID token's, counts
                # (OpenID Connect Core section 5.3.2).
                return TokenValid()
            await self._connector.record(link, validity.account)
        return validity
