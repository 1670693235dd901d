"""Handing out access tokens that work."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self, assert_never, final

from extauth.domain.errors import (
    ConfigurationError,
    ExtAuthError,
    ReauthorizationRequired,
    StoreUnavailable,
    TemporarilyUnavailable,
)
from extauth.domain.events import LinkAdopted
from extauth.domain.freshness import (
    CoolDown,
    Decision,
    Reauthorize,
    Refresh,
    Serve,
    ServeAndRefresh,
    access_token_works,
    decide,
)
from extauth.domain.link import Link, LinkKey
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, LinkStore, OAuthProvider, Observer
from extauth.services.clock import SystemClock
from extauth.services.outlasting import outlast, start_unswept
from extauth.services.pauses import ProviderPauses, client_rejected
from extauth.services.provider_ids import by_id, provider_of
from extauth.services.refreshing import Attempt, Busy, Finished, Moved, Refreshing
from extauth.services.refusals import (
    link_not_found,
    provider_unavailable,
    reauthorization_required,
    refresh_in_progress,
)
from extauth.services.saving import Saving
from extauth.services.single_flight import SingleFlight
from extauth.services.telling import Teller


@final
class TokenService:
    """Hands out an access token that works, from any task of any replica, and never loses a link.

    Use it as an async context manager inside the one of the store: leaving it finishes the refreshes under
    way and saves their tokens. It serves one event loop. The store and the providers remain the caller's.

    A caller may be cancelled, time out or disconnect at any moment; that changes nothing for the link. A
    refresh is a task of the service's own, which even the end of ``asyncio.run`` waits for.

    ``rng`` draws jitter and lease owners; the operating system's source unless a test wants to repeat a run.
    Replicas must not draw the same owners.

    :raises ValueError: if two providers have the same id.
    """

    def __init__(
        self,
        store: LinkStore,
        providers: Iterable[OAuthProvider],
        *,
        policy: RefreshPolicy | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self._providers = by_id(providers)
        self._policy = policy or RefreshPolicy()
        self._clock = clock or SystemClock()
        self._teller = Teller(observer)
        rng = rng or random.SystemRandom()
        self._pauses = ProviderPauses(self._clock, self._policy.cooldown)
        self._saving = Saving(store, self._clock, self._policy, self._teller, rng)
        self._refreshing = Refreshing(
            store,
            clock=self._clock,
            policy=self._policy,
            teller=self._teller,
            saving=self._saving,
            pauses=self._pauses,
            rng=rng,
        )
        self._flights: SingleFlight[LinkKey, Link] = SingleFlight()
        self._closed = False
        """Set once by :meth:`aclose`."""
        self._closing = asyncio.Event()
        """Set when the service or the event loop begins to end: nobody waits for other replicas then."""
        _open.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def access_token(self, provider_id: str, user_id: str) -> str:
        """Return the user's access token, refreshed if need be (RFC 6749 section 6).

        A token that still works is handed out whatever the state of its refresh.

        :raises LinkNotFound: the user has not connected this provider.
        :raises ReauthorizationRequired: the user must connect again.
        :raises TemporarilyUnavailable: try again later; nothing is lost.
        :raises ConfigurationError: the deployment must be mended.
        :raises ValueError: an id cannot be one.
        """
        return (await self.link(provider_id, user_id)).tokens.access_token

    async def link(self, provider_id: str, user_id: str) -> Link:
        """Return the whole link that :meth:`access_token` takes the token from; raises the same."""
        provider = self._provider(provider_id)
        link = await self._read(LinkKey(provider_id, user_id))
        decision = self._decide(provider, link)
        if isinstance(decision, Serve):  # the everyday case, at no further cost
            return link
        return await self._serve(provider, link, decision)

    async def refresh(self, provider_id: str, user_id: str, *, rejected: str | None = None) -> Link:
        """Refresh although the token looks good, for example because an API answered 401.

        Give the refused access token as ``rejected``: if the stored one is another by now, it is returned
        and nothing is refreshed, so that any number of callers with the same stale token cause one refresh.
        Raises what :meth:`access_token` does; ``ReauthorizationRequired`` also if there is no refresh token.
        """
        provider = self._provider(provider_id)
        link = await self._read(LinkKey(provider_id, user_id))
        if rejected is not None and link.tokens.access_token != rejected:
            return await self._serve(provider, link, self._decide(provider, link))
        # Twice, because the flight joined first may have been content with the token as it is.
        for _ in range(2):
            self._refuse(link, self._decide(provider, link, rejected=True))
            fresh = await self._fly(provider, link, rejected=rejected is not None)
            if fresh.version != link.version:
                return fresh
            link = fresh
        # What failed just now may stand beside the link as read by the second flight.
        self._refuse(link, self._decide(provider, link, rejected=True))
        raise provider_unavailable(link.key, "an earlier refresh is unresolved", None)

    async def aclose(self) -> None:
        """Refuse new calls, finish the refreshes under way and save their tokens.

        Takes as long as one exchange may, and if the store is down the policy's ``shutdown_grace`` more.
        A cancellation meanwhile is put off to the end. Safe to call twice.
        """
        self._closed = True
        await outlast(start_unswept(self._drain()))

    def uses(self, store: LinkStore) -> bool:
        """Whether this service keeps its links in that very store."""
        return self._store is store

    async def _drain(self) -> None:
        self._hurry()
        await self._flights.aclose()
        await self._saving.aclose()

    def _hurry(self) -> None:
        self._closing.set()
        self._refreshing.hurry()
        self._saving.hurry()

    def _provider(self, provider_id: str) -> OAuthProvider:
        if self._closed:
            msg = "this TokenService is closed"
            raise RuntimeError(msg)
        return provider_of(self._providers, provider_id)

    async def _read(self, key: LinkKey) -> Link:
        link = self._saving.unsaved(key) or await self._store.get(key)
        if link is None:
            raise link_not_found(key)
        return link

    def _decide(self, provider: OAuthProvider, link: Link, *, rejected: bool = False) -> Decision:
        return decide(link, self._clock.now(), self._policy, provider.traits, rejected=rejected)

    async def _serve(self, provider: OAuthProvider, link: Link, decision: Decision) -> Link:
        match decision:
            case Serve():
                return link
            case ServeAndRefresh():
                if self._impediment(provider, link) is None:
                    self._flights.start(link.key, partial(self._renew, provider, link, rejected=False))
                return link
            case Refresh():
                return await self._fresh_or_working(provider, link)
            case _:
                self._refuse(link, decision)
                raise AssertionError(decision)

    async def _fresh_or_working(self, provider: OAuthProvider, link: Link) -> Link:
        try:
            return await self._fly(provider, link, rejected=False)
        except (ReauthorizationRequired, TemporarilyUnavailable, ConfigurationError):
            if access_token_works(link, self._clock.now()):
                return link
            raise

    async def _fly(self, provider: OAuthProvider, link: Link, *, rejected: bool) -> Link:
        return await self._flights.do(link.key, partial(self._renew, provider, link, rejected=rejected))

    async def _renew(self, provider: OAuthProvider, link: Link, *, rejected: bool) -> Link:
        """Refresh ``link``, or adopt what another replica made of it. The body of a flight."""
        key = link.key
        first_version = link.version
        deadline = self._clock.monotonic() + self._policy.wait_timeout.total_seconds()
        while True:
            left = timedelta(seconds=deadline - self._clock.monotonic())
            if not await self._saving.settled(key, max(left, timedelta(0))):
                msg = f"the refreshed tokens of {key.provider_id} could not be saved yet"
                raise StoreUnavailable(msg)
            impediment = self._impediment(provider, link)
            if impediment is not None:
                raise impediment
            step = await self._attempt(provider, link, rejected=rejected)
            match step:
                case Finished():
                    return step.link
                case Moved():
                    link = step.link
                case Busy():
                    left = timedelta(seconds=deadline - self._clock.monotonic())
                    if left <= timedelta(0) or self._closing.is_set():
                        raise refresh_in_progress(key, step.remaining)
                    link = await self._wait_for_other(link, min(left, step.remaining))
                case _:
                    assert_never(step)
            decision = self._decide(provider, link, rejected=rejected and link.version == first_version)
            if isinstance(decision, Serve | ServeAndRefresh):
                if link.version != first_version:
                    self._teller.tell(LinkAdopted(key, link.version))
                return link
            self._refuse(link, decision)

    async def _attempt(self, provider: OAuthProvider, link: Link, *, rejected: bool) -> Attempt:
        attempt = start_unswept(self._refreshing.attempt(provider, link, rejected=rejected))
        try:
            return await outlast(attempt, on_cancel=self._hurry)
        except asyncio.CancelledError:
            if self._closing.is_set():
                # The end of asyncio.run waits for the tasks that it has cancelled, of which this is one,
                # but not for what the attempt has started since to get its tokens saved.
                await outlast(start_unswept(self._saving.aclose()))
            raise

    async def _wait_for_other(self, link: Link, timeout: timedelta) -> Link:
        changed = asyncio.ensure_future(self._store.wait_for_change(link.key, link.version, timeout))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({changed, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not changed.done():
                raise refresh_in_progress(link.key, timeout)
            seen = changed.result()
        finally:
            changed.cancel()
            closing.cancel()
        if seen is None:
            raise link_not_found(link.key)
        return seen

    def _refuse(self, link: Link, decision: Decision) -> None:
        match decision:
            case Reauthorize(reason):
                raise reauthorization_required(link.key, reason)
            case CoolDown(retry_at, reason):
                raise provider_unavailable(link.key, reason, retry_at - self._clock.now())
            case _:
                pass

    def _impediment(self, provider: OAuthProvider, link: Link) -> ExtAuthError | None:
        """Why this link's refresh token must not be sent to the provider now, if so."""
        if provider.origin is not None and link.origin not in {None, provider.origin}:
            # The grant is another client's or endpoint's, and its refresh token none of this one's business.
            return client_rejected(provider.provider_id, "grant_of_another_client")
        return self._pauses.error(provider.provider_id)


_open: weakref.WeakSet[TokenService] = weakref.WeakSet()
"""Services made and not closed; the flights of one keep it alive."""


async def close_services_on(store: LinkStore) -> None:
    """Close every service that is still open on ``store``, before the store itself is closed."""
    for service in [service for service in _open if service.uses(store)]:
        await service.aclose()
