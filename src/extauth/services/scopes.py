"""Which scopes to ask a user for."""

from __future__ import annotations

from collections.abc import Iterable

from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.storable import scope_names


async def asked_scopes(
    store: LinkingStore, provider: LinkingProvider, key: LinkKey, scopes: Iterable[str] | None
) -> frozenset[str]:
    """Return ``scopes``, or the provider's default ones, with those that the user has granted before.

    Many providers take a request for what it says and give a token for that alone: asking for one scope more
    would lose the others. What was granted to another client is left out; this one may not have it. Empty
    where none are sent: a link must not claim what nobody asked for.
    """
    wanted = scope_names(provider.linking.scopes if scopes is None else scopes)
    if not provider.linking.sends_scopes:
        return frozenset()
    link = await store.get(key)
    if link is None or (provider.origin is not None and link.origin not in {None, provider.origin}):
        return wanted
    return wanted | link.tokens.scopes
