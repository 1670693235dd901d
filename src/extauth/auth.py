"""The object that an application holds: a store and both services on it as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import final

import attrs

from extauth.domain.device_authorization import DeviceAuthorization
from extauth.domain.health import AHEAD, Health
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import UnlinkOutcome
from extauth.domain.linking_outcomes import Validity
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.readiness import Readiness
from extauth.domain.upkeep import Upkeep
from extauth.domain.wrong_types import UrlObject
from extauth.one_loop import OneLoop
from extauth.services.health.check import HealthCheck
from extauth.services.linking.service import LinkingService
from extauth.services.readiness import PATIENCE, readiness
from extauth.services.refresh.service import TokenService
from extauth.services.upkeep.service import Purge, UpkeepService


@final
@attrs.frozen(eq=False, repr=False)
class Auth:
    """Connects users and hands out their access tokens; :func:`extauth.open` makes it.

    Each method is that of the service beneath, where it is documented. All are safe to call from any task of
    the event loop that opened it; elsewhere, and in a forked process, each raises ``RuntimeError``.
    """

    store: LinkingStore
    """Where the links are kept."""
    tokens: TokenService
    linking: LinkingService
    _upkeep_on: Callable[..., UpkeepService]
    _checked: HealthCheck
    _home: OneLoop = attrs.field(factory=lambda: OneLoop("Auth"))
    _leaving: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set once by whoever opened it, when it begins to close it."""

    @property
    def providers(self) -> Mapping[str, LinkingProvider]:
        """The providers that it was opened with, by their ids."""
        return self._checked.providers

    async def begin(
        self,
        provider_id: str,
        user_id: str,
        redirect_uri: str | UrlObject,
        *,
        scopes: Iterable[str] | None = None,
        include_granted: bool = False,
        resources: Iterable[str] = (),
        params: Mapping[str, str] | None = None,
    ) -> str:
        """Return the URL to send the user's browser to: see :meth:`extauth.LinkingService.begin`."""
        self._home.check()
        return await self.linking.begin(
            provider_id,
            user_id,
            redirect_uri,
            scopes=scopes,
            include_granted=include_granted,
            resources=resources,
            params=params,
        )

    async def complete(
        self,
        callback: str | UrlObject | Mapping[str, object],
        *,
        user_id: str,
        provider_id: str | None = None,
        method: str | None = None,
    ) -> Link:
        """Exchange a callback's code and store the link: see :meth:`extauth.LinkingService.complete`."""
        given = Hidden(callback)
        del callback  # tools that report errors show the local variables of each frame
        self._home.check()
        return await self.linking.complete(
            given.value, user_id=user_id, provider_id=provider_id, method=method
        )

    async def begin_device(
        self,
        provider_id: str,
        user_id: str,
        *,
        scopes: Iterable[str] | None = None,
        include_granted: bool = False,
    ) -> DeviceAuthorization:
        """Get a code to type in on another device: see :meth:`extauth.LinkingService.begin_device`."""
        self._home.check()
        return await self.linking.begin_device(
            provider_id, user_id, scopes=scopes, include_granted=include_granted
        )

    async def complete_device(self, device: DeviceAuthorization) -> Link:
        """Wait until the user has decided: see :meth:`extauth.LinkingService.complete_device`."""
        self._home.check()
        return await self.linking.complete_device(device)

    async def access_token(
        self,
        provider_id: str,
        user_id: str,
        *,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> str:
        """Return an access token that works: see :meth:`extauth.TokenService.access_token`."""
        self._home.check()
        return await self.tokens.access_token(provider_id, user_id, resource=resource, valid_for=valid_for)

    async def link(
        self,
        provider_id: str,
        user_id: str,
        *,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> Link:
        """Return the link whose access token works: see :meth:`extauth.TokenService.link`."""
        self._home.check()
        return await self.tokens.link(provider_id, user_id, resource=resource, valid_for=valid_for)

    async def refresh(
        self, provider_id: str, user_id: str, *, rejected: str | None = None, resource: str | None = None
    ) -> Link:
        """Refresh a token that an API has ``rejected``: see :meth:`extauth.TokenService.refresh`."""
        given = Hidden(rejected)
        del rejected  # tools that report errors show the local variables of each frame
        self._home.check()
        return await self.tokens.refresh(provider_id, user_id, rejected=given.value, resource=resource)

    async def ready(self, *, within: timedelta = PATIENCE) -> Readiness:
        """Say whether this application can be sent requests, for a readiness probe; raises nothing for what
        it finds.

        It can unless it is being closed, or its store cannot be read ``within`` that time (2 seconds). One
        round trip; no provider is asked, because no other replica could serve better if one is down. Do not
        answer a *liveness* probe by it: a restart does not mend a database.

        :raises ValueError: if ``within`` is not positive.
        """
        self._home.check()
        closing = self._leaving.is_set()
        return await readiness(self.store, closing=closing, within=within)

    async def unlink(self, provider_id: str, user_id: str) -> UnlinkOutcome:
        """Remove the link and revoke its tokens: see :meth:`extauth.LinkingService.unlink`."""
        self._home.check()
        return await self.linking.unlink(provider_id, user_id)

    async def links(self, user_id: str, *, of_former_client: bool | None = None) -> list[Link]:
        """Return the user's links by provider id: see :meth:`extauth.LinkingService.links`."""
        self._home.check()
        return await self.linking.links(user_id, of_former_client=of_former_client)

    def upkeep(self, upkeep: Upkeep | None = None, *, purges: Iterable[Purge] = ()) -> UpkeepService:
        """Return what keeps links warm and alive, on this store and through these flights.

        ``async with auth.upkeep():`` has it work in the background, as ``extauth.open(upkeep=...)`` does as
        long as that is open; ``await auth.upkeep().run_once()`` does it once: see
        :class:`extauth.UpkeepService`.

        :raises TypeError: if the store, an application's own, cannot say what is due.
        """
        self._home.check()
        return self._upkeep_on(self.store, tokens=self.tokens, upkeep=upkeep, purges=purges)

    async def validate(self, provider_id: str, user_id: str) -> Validity:
        """Ask whether the access token is accepted: see :meth:`extauth.LinkingService.validate`."""
        self._home.check()
        return await self.linking.validate(provider_id, user_id)

    async def health(self, provider_id: str, user_id: str, *, ahead: timedelta = AHEAD) -> Health:
        """Say how the link is doing, without touching it or asking its provider.

        One that ends within ``ahead`` is :class:`~extauth.health.Expiring`; see :mod:`extauth.health`.

        :raises LinkNotFound: the user has not connected this provider.
        :raises UnknownProvider: no provider with this id was given.
        :raises CannotDecrypt: its tokens are encrypted, and nobody here has the key.
        :raises StoreUnavailable: try again later.
        """
        self._home.check()
        return await self._checked.of(LinkKey(provider_id, user_id), ahead)
