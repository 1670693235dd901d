"""The body of a flight: refresh a link, or adopt what another replica made of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import Final, TypeVar, assert_never, final

import attrs

from extauth.domain.errors import ExtAuthError, StoreUnavailable
from extauth.domain.events import LinkAdopted
from extauth.domain.freshness import Serve, ServeAndRefresh
from extauth.domain.link import Link, LinkKey
from extauth.domain.pauses import ProviderPause
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, OAuthProvider, RefreshStore
from extauth.services.errors import link_not_found, refresh_in_progress, refuse
from extauth.services.events import EventEmitter
from extauth.services.refresh.attempt import LeasedRefresh
from extauth.services.refresh.cooldowns import ProviderPauses
from extauth.services.refresh.healing import Healing
from extauth.services.refresh.outcomes import Attempt, Busy, Finished, Moved
from extauth.services.refresh.remembered import RememberedLinks
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.restored import RestoredStore
from extauth.services.refresh.store_watch import StoreWatch
from extauth.services.refresh.turns import Turns
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.services.registered_clients import client_name
from extauth.services.uninterrupted import defer_cancellation, start_protected

_T = TypeVar("_T")


@final
@attrs.frozen
class Landed:
    """What a flight came to."""

    link: Link
    resource: str | None
    """What it was for. Whoever wants another token of the link must look at it again."""
    exchanged: bool
    """Whether the flight got a token itself, instead of finding that there is one."""


@final
class RefreshFlight:
    """Carries a link to where it has the wanted token. All tokens of one link wait for each other here."""

    def __init__(
        self,
        store: RefreshStore,
        *,
        clock: Clock,
        policy: RefreshPolicy,
        emitter: EventEmitter,
        unsaved_tokens: UnsavedTokens,
        rng: random.Random,
        remembered: RememberedLinks | None = None,
        providers: Iterable[OAuthProvider] = (),
    ) -> None:
        self._store = store
        self._remembered = remembered
        self._clock = clock
        self._policy = policy
        self._emitter = emitter
        self._unsaved_tokens = unsaved_tokens
        self._turns = Turns(clock)
        self._pauses = ProviderPauses(clock, policy.cooldown, self._turns)
        self._watch = StoreWatch(store, clock, policy, RestoredStore(policy, emitter, providers))
        self._leased_refresh = LeasedRefresh(
            store,
            clock=clock,
            policy=policy,
            emitter=emitter,
            unsaved_tokens=unsaved_tokens,
            pauses=self._pauses,
            turns=self._turns,
            rng=rng,
            watch=self._watch,
        )
        self.healing: Final = Healing(
            store, clock, policy, emitter, watch=self._watch, put_back=self._leased_refresh.put_back
        )
        self._closing = asyncio.Event()
        """Set when the service or the event loop begins to end: nobody waits for other replicas then."""

    async def look(self) -> None:
        """See the store's clock and its history before anything depends on them, and go on looking."""
        await self._leased_refresh.look()
        await self._watch.look()
        self._watch.start()

    def hurry(self) -> None:
        """Take note that the process is about to end: finish what was begun, wait for nobody else."""
        self._closing.set()
        self._turns.hurry()
        self._leased_refresh.hurry()
        self._unsaved_tokens.hurry()

    def look_no_more(self) -> None:
        """End what goes on between calls."""
        self._watch.stop()

    def pauses(self) -> list[ProviderPause]:
        """Return which providers this process leaves alone now."""
        return self._pauses.of_providers()

    def impediment(self, request: TokenRequest, link: Link) -> ExtAuthError | None:
        """Return why this link's refresh token must not be sent to the provider now, if so."""
        refused = self._leased_refresh.refused_resources.error(request, link)
        return refused or self._pauses.error(client_name(request.provider), link)

    def only_waits(self, request: TokenRequest, link: Link) -> bool:
        """Whether a caller of :meth:`run` would wait for a turn at the provider, though the token works."""
        crowded = self._turns.crowded(client_name(request.provider))
        return crowded and request.works(link, self._clock.now())

    def may_run_behind(self, request: TokenRequest, link: Link) -> bool:
        """Whether the link may be refreshed behind the back of who is handed its token as it is."""
        kills = request.provider.traits.refresh_revokes_access_token
        return not kills and self.impediment(request, link) is None

    async def run(self, request: TokenRequest, link: Link) -> Landed:
        """Return the link with the wanted token, new or adopted; raises what the callers are to get.

        The link may also be as it was, where its token works and cannot be replaced now.
        """
        if self._remembered is not None:
            self._remembered.forget(link.key)
        try:
            with self._emitter.refreshing(link.key):
                return await self._run(request, link)
        finally:
            if self._remembered is not None:
                self._remembered.forget(link.key)

    async def _run(self, request: TokenRequest, link: Link) -> Landed:
        key = link.key
        first_version = link.version
        deadline = self._clock.monotonic() + self._policy.wait_timeout.total_seconds()
        while True:
            await self._settled(key, deadline)
            request = await request.for_link(link)
            impediment = self.impediment(request, link)
            if impediment is not None:
                raise impediment
            held = self._watch.holding
            step = await (
                self._hold(link, deadline) if held else self._in_turn(request, link, patience=deadline)
            )
            match step:
                case Finished():
                    self.healing.note(step.link)
                    return Landed(step.link, request.resource, exchanged=step.link.version != link.version)
                case Moved():
                    link = await self.healing.checked(step.link)
                case Busy():
                    left = timedelta(seconds=deadline - self._clock.monotonic())
                    if left <= timedelta(0) or self._closing.is_set():
                        raise refresh_in_progress(key, step.remaining)
                    seen = await self._wait_for_other(link, min(left, step.remaining), lapsed=step.lapsed)
                    mended = await self._leased_refresh.put_back(link, seen, occupied=True)
                    link = await self.healing.checked(mended)
                case _:
                    assert_never(step)
            now = self._clock.now()
            decision = request.decide(link, now, self._policy)
            if isinstance(decision, Serve | ServeAndRefresh):
                if link.version != first_version:
                    self._emitter.emit(LinkAdopted(key, link.version))
                return Landed(link, request.resource, exchanged=False)
            refuse(key, decision, now)

    async def _settled(self, key: LinkKey, deadline: float) -> None:
        if self._unsaved_tokens.idle:
            return
        left = timedelta(seconds=deadline - self._clock.monotonic())
        if not await self._unsaved_tokens.settled(key, max(left, timedelta(0))):
            msg = f"the refreshed tokens of {key.provider_id} could not be saved yet"
            raise StoreUnavailable(msg)

    async def _hold(self, link: Link, deadline: float) -> Moved:
        """Wait until every replica has put back what it knows, and read the link again."""
        held = self._watch.holds_for()
        if self._closing.is_set() or self._clock.monotonic() + held > deadline:
            raise refresh_in_progress(link.key, timedelta(seconds=held))
        await self._unless_closing(self._clock.sleep(held))
        seen = await self._store.get(link.key)
        if seen is None:
            raise link_not_found(link.key)
        return Moved(seen)

    async def _in_turn(self, request: TokenRequest, link: Link, *, patience: float) -> Attempt:
        """Attempt it when its turn at the provider has come; nothing is claimed before."""
        name, limit = client_name(request.provider), self._policy.rate_limits.get(link.key.provider_id)

        def works_for() -> float:
            return request.works_for(link, self._clock.now())

        await self._turns.take(name, limit, link.key, patience=patience, works_for=works_for)
        try:
            return await self._attempt(request, link)
        finally:
            self._turns.give_back(name, link.key)

    async def _attempt(self, request: TokenRequest, link: Link) -> Attempt:
        attempt = start_protected(self._leased_refresh.run(request, link))
        try:
            return await defer_cancellation(attempt, on_cancel=self.hurry)
        except asyncio.CancelledError:
            if self._closing.is_set():
                # The end of asyncio.run waits for the tasks that it has cancelled, of which this is one,
                # but not for what the attempt has started since to get its tokens saved.
                await defer_cancellation(start_protected(self._unsaved_tokens.aclose()))
            raise

    async def _wait_for_other(self, link: Link, timeout: timedelta, *, lapsed: bool) -> Link:
        waiting = self._look_later if lapsed else self._store.wait_for_change
        changed = await self._unless_closing(waiting(link.key, link.version, timeout))
        if changed is None:
            raise refresh_in_progress(link.key, timeout)
        seen = changed.result()
        if seen is None:
            raise link_not_found(link.key)
        return seen

    async def _unless_closing(self, waiting: Awaitable[_T]) -> asyncio.Future[_T] | None:
        """Wait, and return what came of it; None if the service or the loop began to end before."""
        ended = asyncio.ensure_future(waiting)
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({ended, closing}, return_when=asyncio.FIRST_COMPLETED)
            return ended if ended.done() else None
        finally:
            ended.cancel()
            closing.cancel()

    async def _look_later(self, key: LinkKey, _: int, timeout: timedelta) -> Link | None:
        """Wait as the store would, if it did not take the lease for over."""
        pause = min(timeout, self._policy.retry.maximum)
        await self._clock.sleep(pause.total_seconds())
        return await self._store.get(key)
