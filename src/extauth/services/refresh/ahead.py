"""Refreshing links before anybody waits for it: what upkeep asks of the service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import final

from extauth.domain.errors import ExtAuthError
from extauth.domain.freshness import blocked
from extauth.domain.link import Link, LinkKey
from extauth.domain.ports import Clock
from extauth.services.errors import UNRESOLVED, refresh_failed, refuse
from extauth.services.refresh.flight import Landed, RefreshFlight
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.services.single_flight import SingleFlight


@final
class RefreshAhead:
    """Refreshes links as they were read, through the flights that callers share."""

    def __init__(
        self,
        request_for: Callable[[str], TokenRequest],
        flights: SingleFlight[LinkKey, Landed],
        refresh_flight: RefreshFlight,
        unsaved_tokens: UnsavedTokens,
        clock: Clock,
    ) -> None:
        self._request_for = request_for
        self._flights = flights
        self._refresh_flight = refresh_flight
        self._unsaved_tokens = unsaved_tokens
        self._clock = clock

    async def impediment(self, link: Link) -> ExtAuthError | None:
        """Return why this link, or its provider, is left alone for a while, if so.

        A :class:`~extauth.ProviderUnavailable` is about all links of the provider.

        :raises ConfigurationError: if no provider here can refresh it.
        """
        request = await self._request_for(link.key.provider_id).for_link(link)
        return self._refresh_flight.impediment(request, link)

    async def refresh(self, link: Link) -> bool:
        """Refresh the link unless it has changed since it was read; return whether this got new tokens.

        False means that somebody else's newer tokens are there. It goes on if the caller is cancelled, as
        any refresh does.

        :raises TemporarilyUnavailable: it failed for now, whether or not the access token still works.
        :raises ReauthorizationRequired: the user must connect again.
        :raises LinkNotFound: the user has unlinked.
        :raises ConfigurationError: the deployment must be mended.
        """
        request = await self._request_for(link.key.provider_id).for_link(link)
        if self._unsaved_tokens.unsaved(link.key) is not None:
            return False
        now = self._clock.now()
        refuse(link.key, blocked(link, now), now)
        landed = await self._flights.do(link.key, partial(self._refresh_flight.run, request, link))
        if landed.link.version != link.version:
            return landed.exchanged
        mark = landed.link.current_failure
        if mark is None or mark.retry_at is None:
            raise refresh_failed(link.key, UNRESOLVED, None)
        raise refresh_failed(link.key, mark.reason, mark.retry_at - mark.at)
