"""The clients that an application registered at one server (RFC 7591), one after the other, in a store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TypeAlias, final
from weakref import WeakKeyDictionary

import attrs

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.acting import foundation
from extauth.domain.linking import ClientRegistration
from extauth.domain.linking_ports import RegistrationStore
from extauth.domain.ports import WallClock
from extauth.domain.registered_clients import Standing, scopes_to_register, secret_expired, why_replaced
from extauth.domain.storable import scope_names
from extauth.domain.token_set import TokenSet

_MOST_TRIES = 3
"""How often another replica's new client may be less than what is wanted here, before it is taken so."""

_Standings: TypeAlias = dict[tuple[str, str], Standing]
"""By the name that the client is kept under, and its id."""

_by_store: WeakKeyDictionary[object, _Standings] = WeakKeyDictionary()
"""As long as the store lives: an application may make a provider each time."""


def registration_name(issuer: str, redirect_uri: str, resource: str) -> str:
    """Return under which name the present client is kept.

    An authorization server remembers what a user has granted to a client: with one for all resources, any
    resource could get a token without the user being asked.
    """
    return f"{issuer} {redirect_uri} {resource}"


def former_name(name: str, client_id: str) -> str:
    """Return under which name a client is kept that another one has replaced: a digest, since ids may be
    longer than what a database can look up."""
    return f"{name} {sha256(client_id.encode()).hexdigest()}"


@final
@attrs.define(eq=False, repr=False)
class KeptClients:
    """What :class:`~extauth.domain.linking_ports.RegisteredClients` says, for :func:`~.mcp.mcp_provider`.

    A client that is replaced is kept under a name of its own first, so that no link is ever without the
    credentials that it was made with.
    """

    store: RegistrationStore
    name: str
    shared_name: str
    """Where version 0.1 kept one client for all resources of the issuer."""
    register: Callable[[frozenset[str]], Awaitable[ClientRegistration]]
    make: Callable[[ClientRegistration], OAuth2Provider]
    scopes: frozenset[str] = attrs.field(converter=scope_names)
    """What the application may ask for."""
    listed: frozenset[str] = attrs.field(converter=scope_names)
    """What the server has."""
    clock: WallClock
    _providers: dict[str, OAuth2Provider] = attrs.field(factory=dict[str, OAuth2Provider], init=False)
    """By client id; a registration never changes."""
    _one_at_a_time: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)

    async def present(self, told: str | None = None) -> OAuth2Provider:
        """Return the provider with the client that new links are made with, registered anew if need be.

        ``told`` is the id of a client that the application wants replaced.
        """
        async with self._one_at_a_time:
            kept = await self._kept()
            if kept is not None and self._why(kept, told) is None:
                await self._ask(kept)
            for _ in range(_MOST_TRIES):
                if kept is not None and self._why(kept, told) is None:
                    break
                before, fresh = (
                    kept,
                    await self.register(scopes_to_register(kept, self.scopes, self.listed)),
                )
                if before is not None:
                    await self.store.keep_registration(former_name(self.name, before.client_id), before)
                instead_of = None if before is None else before.client_id
                kept = await self.store.keep_registration(self.name, fresh, instead_of=instead_of)
                if kept.client_id == fresh.client_id:
                    self._note(fresh.client_id, Standing.registered(self.clock.now()))
                    break
            assert kept is not None, "one is kept by now"  # noqa: S101
            return self._provider(kept)

    async def present_id(self) -> str | None:
        """Return the id of the client that new links are made with; None if its secret has expired."""
        kept = await self._kept()
        return None if kept is None or secret_expired(kept, self.clock.now()) else kept.client_id

    async def of(self, client_id: str) -> OAuth2Provider | None:
        """Return the provider with that client, present or former."""
        known = self._providers.get(client_id)
        if known is not None:
            return known
        for name in (self.name, former_name(self.name, client_id)):
            kept = await self.store.registration(name)
            if kept is not None and kept.client_id == client_id:
                return self._provider(kept)
        return None

    def heard(self, client_id: str, answer: object) -> None:
        """Take note of what a request in that client's name came to."""
        before = self._standing(client_id)
        after = before.after(answer, self.clock.now())
        if after is not before:
            self._note(client_id, after)

    async def _kept(self) -> ClientRegistration | None:
        kept = await self.store.registration(self.name)
        if kept is None:
            # Links made before 0.2 belong to a client that all the issuer's resources shared.
            shared = await self.store.registration(self.shared_name)
            kept = None if shared is None else await self.store.keep_registration(self.name, shared)
        return kept

    async def _ask(self, kept: ClientRegistration) -> None:
        """Ask the server whether it knows the client, with a refresh token that nobody has ever had.

        Users of a client that was forgotten end at the server and never come back, so that nothing else
        would tell. What fails tells nothing.
        """
        if self._standing(kept.client_id).is_due(self.clock.now()):
            nobodys = TokenSet("none", refresh_token=secrets.token_urlsafe(32))
            self.heard(kept.client_id, await self._provider(kept).refresh(nobodys))

    def _why(self, kept: ClientRegistration, told: str | None) -> str | None:
        standing = self._standing(kept.client_id)
        return why_replaced(kept, self.scopes, self.clock.now(), standing=standing, told=told)

    def _provider(self, kept: ClientRegistration) -> OAuth2Provider:
        provider = self._providers.get(kept.client_id)
        if provider is None:
            provider = self._providers[kept.client_id] = self.make(kept)
            provider.clients = self
        return provider

    def _standing(self, client_id: str) -> Standing:
        return self._standings().get((self.name, client_id), Standing())

    def _note(self, client_id: str, standing: Standing) -> None:
        self._standings()[self.name, client_id] = standing

    def _standings(self) -> _Standings:
        try:
            return _by_store.setdefault(foundation(self.store), {})
        except TypeError:  # a store that cannot be referred to weakly is heard of in vain
            return {}
