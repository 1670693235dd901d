"""The methods of a store that go on to its authorizations and its registered clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from extauth.domain.link import LinkKey
from extauth.domain.linking import MOST_BEGUN, ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import FindOutcome, TakeOutcome
from extauth.one_loop import OneLoop


class _Authorizations(Protocol):
    async def begin(self, pending: PendingAuthorization, ttl: timedelta, at_most: int) -> None: ...
    async def find(self, state_hash: str, user_id: str | None) -> FindOutcome: ...
    async def take(self, state_hash: str, user_id: str | None) -> TakeOutcome: ...
    async def forget(self, key: LinkKey) -> int: ...
    async def purge(self) -> int: ...


class _Registrations(Protocol):
    async def get(self, name: str) -> ClientRegistration | None: ...
    async def keep(
        self, name: str, registration: ClientRegistration, instead_of: str | None
    ) -> ClientRegistration: ...


class LinkingMethods:
    """What both stores in a database say alike; documented by
    :class:`~extauth.domain.linking_ports.AuthorizationStore` and its neighbour."""

    _home: OneLoop
    _authorizations: _Authorizations
    _registrations: _Registrations

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        self._home.check()
        await self._authorizations.begin(pending, ttl, at_most)

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        self._home.check()
        return await self._authorizations.find(state_hash, user_id)

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        self._home.check()
        return await self._authorizations.take(state_hash, user_id)

    async def forget_authorizations(self, key: LinkKey) -> int:
        self._home.check()
        return await self._authorizations.forget(key)

    async def purge_authorizations(self) -> int:
        self._home.check()
        return await self._authorizations.purge()

    async def registration(self, name: str) -> ClientRegistration | None:
        self._home.check()
        return await self._registrations.get(name)

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        self._home.check()
        return await self._registrations.keep(name, registration, instead_of)
