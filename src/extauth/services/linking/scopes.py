"""Which scopes to ask a user for, and what was granted before."""

from __future__ import annotations

from collections.abc import Iterable

from extauth.domain.link import Link, LinkKey
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.storable import scope_names
from extauth.services.registered_clients import provider_of_link


async def granted_before(
    store: LinkingStore, provider: LinkingProvider, key: LinkKey, *, wanted: bool
) -> Link | None:
    """Return the link whose scopes are to be asked for again, if that is wanted.

    Not another client's: what that may do is not this one's, unless this one took its place.
    """
    link = await store.get(key) if wanted else None
    return link if link is not None and await provider_of_link(provider, link) is not None else None


def asked_scopes(
    provider: LinkingProvider, before: Link | None, scopes: Iterable[str] | None
) -> frozenset[str]:
    """Return ``scopes``, or the provider's default ones, with those that ``before`` was granted.

    Without ``before`` what is asked for now decides: one scope that the provider has dropped since, or that
    goes with no other, would keep the user from ever connecting again. Empty where none are sent: a link must
    not claim what nobody asked for.
    """
    if not provider.linking.sends_scopes:
        return frozenset()
    wanted = scope_names(provider.linking.scopes if scopes is None else scopes)
    return wanted if before is None else wanted | before.tokens.scopes
