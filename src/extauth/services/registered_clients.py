"""Which of a provider's clients serves a link: the one that it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import attrs

from extauth.domain.errors import StoreUnavailable, UnknownProvider
from extauth.domain.link import Link
from extauth.domain.linking_ports import LinkingProvider, RegisteredClients
from extauth.domain.ports import OAuthProvider
from extauth.domain.registered_clients import of_former_client
from extauth.services.errors import grant_of_another_client
from extauth.services.providers import encrypted, is_own_grant, is_own_origin, provider_of

P = TypeVar("P", bound=OAuthProvider)


def clients_of(provider: OAuthProvider) -> RegisteredClients | None:
    """Return the provider's clients, if they registered themselves; an application's own need not know."""
    clients: RegisteredClients | None = getattr(provider, "clients", None)
    return clients


async def provider_of_link(provider: P, link: Link) -> P | None:
    """Return the provider with the client that the link was made with; None if that is none of its own.

    :raises StoreUnavailable: if there is no telling now.
    """
    if is_own_grant(provider, link):
        return provider
    clients = clients_of(provider)
    if clients is None or link.origin is None:
        return None
    found = await clients.of(link.origin.client_id)
    return cast("P", found) if found is not None and is_own_grant(found, link) else None


async def own_provider(provider: P, link: Link) -> P:
    """Return what :func:`provider_of_link` does: only so is the link refreshed or handed out.

    :raises ProviderMisconfigured: with ``grant_of_another_client`` if there is none.
    :raises CannotDecrypt: if its tokens are encrypted, and nobody here has the keys.
    :raises StoreUnavailable: if there is no telling now.
    """
    found = await provider_of_link(provider, link)
    if found is None:
        raise encrypted(link) or grant_of_another_client(link, provider.origin)
    return found


async def present_provider(provider: LinkingProvider) -> LinkingProvider:
    """Return the provider with the client that new links are made with."""
    clients = clients_of(provider)
    return provider if clients is None else await clients.present()


async def provider_of_code(provider: LinkingProvider, client_id: str | None) -> LinkingProvider:
    """Return the provider with the client that an authorization was begun with, as far as that was noted."""
    clients = clients_of(provider)
    if clients is None or client_id is None:
        return provider
    return await clients.of(client_id) or provider


def noted_client(provider: OAuthProvider) -> str | None:
    """Return what to note of an authorization's client: its id if the provider can have another by then."""
    if clients_of(provider) is None or provider.origin is None:
        return None
    return provider.origin.client_id


def note_answer(provider: OAuthProvider, answer: object) -> None:
    """Let the provider's clients know what a request came to."""
    clients = clients_of(provider)
    if clients is not None and provider.origin is not None:
        clients.heard(provider.origin.client_id, answer)


async def was_replaced(provider: OAuthProvider) -> bool:
    """Whether the provider's client is a former one, or has expired; False too if there is no telling."""
    clients = clients_of(provider)
    if clients is None or provider.origin is None:
        return False
    try:
        return await clients.present_id() != provider.origin.client_id
    except StoreUnavailable:
        return False


async def is_former_clients(providers: Mapping[str, LinkingProvider], link: Link) -> bool:
    """Whether the link was made with another client of its provider than new links are.

    :raises StoreUnavailable: if there is no telling now.
    """
    try:
        provider = provider_of(providers, link.key.provider_id)
    except UnknownProvider:
        return False
    origin, clients = provider.origin, clients_of(provider)
    if origin is None:
        return False
    if clients is None:
        return of_former_client(link.origin, origin) and not is_own_origin(provider, link)
    present = await clients.present_id() or origin.client_id
    return of_former_client(link.origin, attrs.evolve(origin, client_id=present))


def client_name(provider: OAuthProvider) -> str:
    """Return what the provider's pauses are kept under: one client's are not another's."""
    noted = noted_client(provider)
    return provider.provider_id if noted is None else f"{provider.provider_id} as {noted}"
