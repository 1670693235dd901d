"""Which provider serves a link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import CannotDecrypt
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.linking import ACCOUNT_SEPARATOR, LinkingTraits, companion_key
from extauth.domain.linking_ports import LinkingProvider
from extauth.domain.ports import LinkReader, OAuthProvider
from extauth.domain.sealed import still_sealed
from extauth.services.arguments import listed, unknown_provider
from extauth.services.errors import still_encrypted
from extauth.services.events import logger

P = TypeVar("P", bound=OAuthProvider)


def by_id(providers: Iterable[P]) -> dict[str, P]:
    """Return the providers by their id.

    :raises ValueError: if two have the same.
    :raises TypeError: for what is no list of providers; see :func:`~extauth.services.arguments.listed`.
    """
    found: dict[str, P] = {}
    for provider in listed(providers):
        if provider.provider_id in found:
            msg = f"two providers have the id {provider.provider_id!r}; give one another provider_id"
            raise ValueError(msg)
        found[provider.provider_id] = provider
    return found


def provider_of(providers: Mapping[str, P], provider_id: str) -> P:
    """Return the provider that serves links with this provider id.

    The one with that very id, or else the one before the last separator, of which the link is a named one
    (:func:`~extauth.named_provider_id`), and so on: a named link's companions have two.

    :raises UnknownProvider: if there is none.
    """
    served_by = provider_id
    while served_by:
        if served_by in providers:
            return providers[served_by]
        served_by = served_by.rpartition(ACCOUNT_SEPARATOR)[0]
    raise unknown_provider(provider_id, providers)


def is_served_by(provider: OAuthProvider, provider_id: str) -> bool:
    """Whether a link with this provider id is one of the provider's: its own, or a named one."""
    own = provider.provider_id
    return provider_id == own or provider_id.startswith(f"{own}{ACCOUNT_SEPARATOR}")


def is_own_grant(provider: OAuthProvider, link: Link) -> bool:
    """Whether the link's tokens are the provider's, and can be used: not another client's, endpoint's or
    resource's, nor encrypted for those who have the keys."""
    # Each read asks this: a link that says no origin belongs to whoever serves it.
    return (link.origin is None or is_own_origin(provider, link)) and still_sealed(link.tokens) is None


def is_own_origin(provider: OAuthProvider, link: Link) -> bool:
    """Whether the link was made with the provider, as it is or was before it moved."""
    origin = provider.origin
    return origin is None or origin.owns(link.origin) or link.origin in _formerly(provider)


async def links_at_same_client(store: LinkReader, provider: OAuthProvider, user_id: str) -> list[Link] | None:
    """Return the user's links whose tokens are this provider's client's; None if there is no telling now."""
    links_of: Callable[[str], Awaitable[list[Link]]] | None = getattr(store, "links_of", None)
    if links_of is None:
        return None  # a store for refreshes alone
    try:
        links = await links_of(user_id)
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
        return None
    except Exception as error:  # noqa: BLE001 - one row that cannot be read must not stop a revocation
        logger.warning("%s.links_of raised %s", type(store).__name__, type(error).__name__)
        return None
    return [link for link in links if _is_of_same_client(provider, link)]


def revokes_whole_grant(provider: OAuthProvider) -> bool:
    """Whether revoking ends all that an account has granted; one that can only refresh need not say."""
    linking: LinkingTraits | None = getattr(provider, "linking", None)
    return linking is not None and linking.revokes_whole_grant


def same_client(one: OAuthProvider, other: OAuthProvider) -> bool:
    """Whether two providers are the same client at the same token endpoint, whatever they are called."""
    if one.origin is None or other.origin is None:
        return one.provider_id == other.provider_id
    return _client(one.origin) == _client(other.origin)


def _client(origin: GrantOrigin) -> tuple[str, str]:
    return origin.client_id, origin.token_endpoint


def _is_of_same_client(provider: OAuthProvider, link: Link) -> bool:
    """Whether the tokens were given to the provider's client, be it under another provider id."""
    ours, theirs = provider.origin, link.origin
    if ours is None or theirs is None:
        return is_served_by(provider, link.key.provider_id)
    return _client(ours) == _client(theirs) or theirs in _formerly(provider)


def _formerly(provider: OAuthProvider) -> Collection[GrantOrigin]:
    """What the provider was before it moved: an application's own need not know of moves."""
    formerly: Collection[GrantOrigin] = getattr(provider, "formerly", ())
    return formerly


def encrypted(link: Link) -> CannotDecrypt | None:
    """Return the error for a link that was encrypted by others and not opened here; None if it is plain."""
    key_id = still_sealed(link.tokens)
    return None if key_id is None else still_encrypted(link, key_id)


def companion_keys(provider: LinkingProvider, key: LinkKey) -> list[LinkKey]:
    """Return the keys of the links that one authorization for ``key`` may give beside it.

    :raises ValueError: if its provider part leaves no room for theirs.
    """
    return [companion_key(key, name) for name in provider.linking.companions]


def check_connectable(provider: LinkingProvider, key: LinkKey) -> None:
    """Refuse a key that an authorization of its own cannot have.

    :raises ValueError: if it is a companion's, whose tokens come with the link before the last separator, or
        if it leaves no room for its companions' keys.
    """
    parent, _, name = key.provider_id.rpartition(ACCOUNT_SEPARATOR)
    if parent and key.provider_id != provider.provider_id and name in provider.linking.companions:
        msg = f"{key.provider_id!r} comes with {parent!r}: connect that"
        raise ValueError(msg)
    companion_keys(provider, key)
