"""Which scopes to ask a user for, and what was granted before."""

from __future__ import annotations

from collections.abc import Iterable

from extauth.domain.link import Link, LinkKey
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.storable import scope_names
from extauth.services.providers import is_own_grant


async def granted_before(store: LinkingStore, provider: LinkingProvider, key: LinkKey) -> Link | None:
    """Return the link that there is, unless it is another client's: what that may do is not this one's."""
    link = await store.get(key)
    return link if link is not None and is_own_grant(provider, link) else None


def asked_scopes(
    provider: LinkingProvider, before: Link | None, scopes: Iterable[str] | None
) -> frozenset[str]:
    """Return ``scopes``, or the provider's default ones, with those that the user has granted before.

    Many providers take a request for what it says and give a token for that alone: asking for one scope more
    would lose the others. Empty where none are sent: a link must not claim what nobody asked for.
    """
    if not provider.linking.sends_scopes:
        return frozenset()
    wanted = scope_names(provider.linking.scopes if scopes is None else scopes)
    return wanted if before is None else wanted | before.tokens.scopes
