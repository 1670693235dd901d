"""Handing out access tokens that work."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final, Self, final

import attrs

from extauth.domain.acting import acting
from extauth.domain.actors import REFRESHING, Action
from extauth.domain.errors import ConfigurationError, ReauthorizationRequired, TemporarilyUnavailable
from extauth.domain.freshness import Decision, Refresh, Serve, ServeAndRefresh, blocked
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link, LinkKey
from extauth.domain.pauses import ProviderPause
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, OAuthProvider, Observer, RefreshStore
from extauth.domain.resources import RejectedToken, reissued
from extauth.domain.revocation import OnSharedGrant
from extauth.services.arguments import check_rejected, checked_policy, checked_store, clock_given, rng_given
from extauth.services.errors import UNRESOLVED, provider_unavailable, refresh_in_progress, refuse
from extauth.services.events import EventEmitter
from extauth.services.open_services import note_open
from extauth.services.providers import by_id, provider_of
from extauth.services.refresh.ahead import RefreshAhead
from extauth.services.refresh.flight import Landed, RefreshFlight
from extauth.services.refresh.reads import AtOnce, LinkReads
from extauth.services.refresh.refused_anew import RefusedAnew
from extauth.services.refresh.remembered import remembered_links
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.short_lives import ShortLives
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.services.serving import Serving
from extauth.services.single_flight import SingleFlight
from extauth.services.uninterrupted import defer_cancellation, start_protected


@final
class TokenService:
    """Hands out an access token that works, from any task of any replica, and never loses a link.

    Use it as an async context manager inside the one of the store: leaving it finishes the refreshes under
    way and saves their tokens. It serves one event loop. The store and the providers remain the caller's.

    A caller may be cancelled, time out or disconnect at any moment; that changes nothing for the link. A
    refresh is a task of the service's own, which even the end of ``asyncio.run`` waits for.

    New tokens for a user who has unlinked meanwhile are revoked; where that would end another of the user's
    links, only with ``on_shared_grant="end"``. Give it what the :class:`~extauth.LinkingService` is given.

    ``rng`` draws jitter and lease owners, which no two replicas may share; the system's source but in tests.

    :raises ValueError: if two providers have the same id, or for another ``on_shared_grant``.
    :raises TypeError: for what is no open store or no list of providers: a URL, a preset that was not called.
    """

    def __init__(
        self,
        store: RefreshStore,
        providers: Iterable[OAuthProvider],
        *,
        policy: RefreshPolicy | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        on_shared_grant: OnSharedGrant = "spare",
        rng: random.Random | None = None,
    ) -> None:
        self._serving = Serving("TokenService", checked_store(store, "save"))
        store = acting(store, REFRESHING)
        self.providers: Final = by_id(providers)
        self._requests = {name: TokenRequest(provider) for name, provider in self.providers.items()}
        """What almost every call wants: the grant's own token, for however long."""
        self._policy = checked_policy(policy)
        self._clock = clock = clock_given(clock)
        self._remembered = remembered_links(store, self._policy, self._clock)
        self.at_once: Final = AtOnce(self._serving, self._remembered)
        self._emitter = emitter = EventEmitter(observer)
        rng = rng_given(rng)
        self._unsaved_tokens = unsaved = UnsavedTokens(
            store, self._clock, self._policy, emitter, rng, on_shared_grant=on_shared_grant
        )
        self._refresh_flight = RefreshFlight(
            store,
            clock=self._clock,
            policy=self._policy,
            emitter=emitter,
            unsaved_tokens=self._unsaved_tokens,
            rng=rng,
            remembered=self._remembered,
            providers=self.providers.values(),
        )
        self._reads = LinkReads(self._refresh_flight.healing, unsaved, self._remembered, clock, self._policy)
        self._flights: SingleFlight[LinkKey, Landed] = SingleFlight()
        """Keyed by the link, whatever is wanted of it: its refresh token is in one flight at a time."""
        self._short_lives = ShortLives()
        self.refused_anew: Final = RefusedAnew(clock, self._policy.cooldown)
        request = partial(self._request, resource=None)
        self.ahead: Final = RefreshAhead(request, self._flights, self._refresh_flight, unsaved, clock)
        note_open(self)

    async def __aenter__(self) -> Self:
        self._serving.check()
        await self._refresh_flight.look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def access_token(
        self,
        provider_id: str,
        user_id: str,
        *,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> str:
        """Return the user's access token, refreshed if need be (RFC 6749 section 6).

        A token that still works is handed out whatever the state of its refresh. With ``resource`` it is
        the one for that resource (RFC 8707), got with the refresh token of the same grant and kept beside
        the grant's own: refreshes of one link follow one another, whatever they are for.

        With ``valid_for`` it works for that long from now on: one that does not is refreshed first. As with
        the policy's ``min_validity`` it is handed out all the same if that does not succeed, and where the
        provider's tokens do not live so long (a tenth of their life is kept back), of which the log warns
        once: they are then refreshed in the second half of their life. Look at :meth:`link`'s ``expires_at``
        where less will not do.

        :raises LinkNotFound: the user has not connected this provider.
        :raises NotAuthorized: the store is guarded, and whoever calls may not have the link.
        :raises ReauthorizationRequired: the user must connect again.
        :raises TemporarilyUnavailable: try again later; nothing is lost.
        :raises ConfigurationError: the deployment must be mended. So it is if the link was made with another
            client, at another token endpoint or for another resource than the provider is configured with
            (``grant_of_another_client``): its tokens are handed out to nobody else's.
        :raises ValueError: an id or the resource cannot be one, the provider has no tokens for resources, or
            ``valid_for`` is not positive.
        """
        if resource is None and valid_for is None and (found := self.at_once.found(provider_id, user_id)):
            return found.link.tokens.access_token
        link = await self.link(provider_id, user_id, resource=resource, valid_for=valid_for)
        return link.tokens.access_token

    async def link(
        self,
        provider_id: str,
        user_id: str,
        *,
        resource: str | None = None,
        valid_for: timedelta | None = None,
    ) -> Link:
        """Return the whole link that :meth:`access_token` takes the token from; raises the same.

        With ``resource`` its ``tokens.access_token``, ``expires_at`` and ``issued_at`` are the resource's.
        """
        request = self._request(provider_id, resource, valid_for)
        key = self._serving.allow(Action.READ, LinkKey(provider_id, user_id))
        served = self._reads.served(request, key)
        request, link = served or await self._reads.read(request, key)
        if served is None and not isinstance(decision := self._reads.decide(request, link), Serve):
            link = await self._serve(request, link, decision)
            request = await request.for_link(link)
        if valid_for is not None:
            self._short_lives.look_at(request, link)
        seen = link if resource is None else request.seen(link)
        return await self._serving.handed_out(seen) if self._serving.tells else seen

    async def refresh(
        self, provider_id: str, user_id: str, *, rejected: str | None = None, resource: str | None = None
    ) -> Link:
        """Refresh although the token looks good, for example because an API answered 401.

        Give the refused access token as ``rejected``: if the stored one is another by now, it is returned
        and nothing is refreshed, so that any number of callers with the same stale token cause one refresh.
        Another token is one that was issued since: at servers that sign equal tokens within one second it can
        have the text of the refused one.
        With ``resource`` all this is about the token for that resource, as in :meth:`link`.
        Raises what :meth:`access_token` does; ``ReauthorizationRequired`` also if there is no refresh token.
        """
        hidden = Hidden(rejected)
        del rejected  # tools that report errors show the local variables of each frame
        check_rejected(hidden)
        request = self._request(provider_id, resource)
        key = self._serving.allow(Action.READ, LinkKey(provider_id, user_id))
        request, before = await self._reads.read_anew(request, key)
        link = before
        if hidden.value is not None:
            request = attrs.evolve(request, rejected=RejectedToken(hidden.value, before))
        if request.rejected is not None and not request.refused(link):
            decision = request.decide(link, self._clock.now(), self._policy)
            link = await self._serve(request, link, decision)
            return await self._serving.handed_out((await request.for_link(link)).seen(link))

        def renewed(link: Link) -> bool:
            return reissued(link, before, resource) and request.works(link, self._clock.now())

        # Twice, because the flight joined first may have been content with the token as it is.
        for _ in range(2):
            self._refuse(link)
            landed = await self._fly(request, link, renewed)
            request = await request.for_link(landed.link)
            if renewed(landed.link) or (landed.exchanged and landed.link.version != link.version):
                return await self._serving.handed_out(request.seen(landed.link))
            link = landed.link
        raise provider_unavailable(link.key, UNRESOLVED, None)

    async def aclose(self) -> None:
        """Refuse new calls, finish the refreshes under way and save their tokens.

        Takes as long as one exchange may, and if the store is down the policy's ``shutdown_grace`` more.
        A cancellation meanwhile is put off to the end. Safe to call twice.
        """
        self._refresh_flight.look_no_more()
        idle = self._flights.idle and self._unsaved_tokens.idle and self._refresh_flight.healing.idle
        if self._serving.close(idle=idle):
            await defer_cancellation(start_protected(self._drain()))

    def pauses(self) -> list[ProviderPause]:
        """Return which providers this process leaves alone now, by their ids; asks nobody."""
        return self._refresh_flight.pauses()

    def uses(self, store: RefreshStore) -> bool:
        """Whether this service keeps its links in that very store."""
        return self._serving.on(store)

    async def _drain(self) -> None:
        self._refresh_flight.hurry()
        await self._flights.aclose()
        await self._refresh_flight.healing.aclose()
        await self._unsaved_tokens.aclose()

    def _request(
        self, provider_id: str, resource: str | None, valid_for: timedelta | None = None
    ) -> TokenRequest:
        self._serving.check()
        if resource is None and valid_for is None and provider_id in self._requests:
            return self._requests[provider_id]
        return TokenRequest(provider_of(self.providers, provider_id), resource, valid_for=valid_for)

    async def _serve(self, request: TokenRequest, link: Link, decision: Decision) -> Link:
        match decision:
            case Serve():
                return link
            case Refresh() if not self._refresh_flight.only_waits(request, link):
                return await self._fresh_or_working(request, link)
            case ServeAndRefresh() | Refresh():
                if self._refresh_flight.may_run_behind(request, link):
                    self._flights.start(link.key, partial(self._refresh_flight.run, request, link))
                return link
            case _:
                refuse(link.key, decision, self._clock.now())
                raise AssertionError(decision)

    async def _fresh_or_working(self, request: TokenRequest, link: Link) -> Link:
        def servable(link: Link) -> bool:
            decision = request.decide(link, self._clock.now(), self._policy)
            return isinstance(decision, Serve | ServeAndRefresh)

        try:
            return (await self._fly(request, link, servable)).link
        except (ReauthorizationRequired, TemporarilyUnavailable, ConfigurationError):
            if request.works(link, self._clock.now()):
                return link
            raise

    async def _fly(self, request: TokenRequest, link: Link, content: Callable[[Link], bool]) -> Landed:
        """Fly for what is wanted. A flight for another resource comes first where one is under way; who is
        ``content`` with what it leaves needs no other.

        So does one whose token expired before this call came, because its save took so long, and one that
        was content with a token too short for this; once, as a provider may give tokens that never work.

        Waiters of a flight go on in the order in which they came, so everybody's turn comes; nobody waits
        for longer than ``wait_timeout`` for it to begin.
        """
        asked = self._clock.now()
        patience = self._clock.monotonic() + self._policy.wait_timeout.total_seconds()
        flown = False
        while True:
            with self._emitter.waiting(link.key):
                landed = await self._flights.do(link.key, partial(self._refresh_flight.run, request, link))
            link = landed.link
            ours = landed.resource == request.resource
            if content(link) or (ours and (flown or request.worked(link, asked))):
                return landed
            flown = ours
            self._refuse(link)
            if self._clock.monotonic() >= patience:
                raise refresh_in_progress(link.key, self._policy.retry.maximum)

    def _refuse(self, link: Link) -> None:
        """Raise what speaks against a refresh now, if anything does."""
        refuse(link.key, blocked(link, now := self._clock.now()), now)
