"""Getting new tokens into the store, however long the store is down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeAlias, final

import attrs

from extauth.cancellation import cancelled_by_caller
from extauth.domain.errors import LinkNotFound, StoreUnavailable
from extauth.domain.events import (
    LinkAdopted,
    LinkRefreshed,
    SaveAbandoned,
    SaveDelayed,
    UnlinkedMeanwhile,
)
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.optional_keywords import as_written, takes
from extauth.domain.outcomes import Absent, Saved, SaveOutcome, Stale
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, OAuthProvider, RefreshStore
from extauth.domain.resources import same_tokens
from extauth.domain.revocation import OnSharedGrant
from extauth.domain.token_set import TokenSet
from extauth.services.errors import link_not_found
from extauth.services.events import EventEmitter, logger
from extauth.services.grant_ender import GrantEnder
from extauth.services.refresh.lost_writes import save_over
from extauth.services.uninterrupted import defer_cancellation, start_protected

_Guard: TypeAlias = asyncio.Task[None]


@final
@attrs.frozen
class _Unsaved:
    """Tokens that exist only in this process."""

    provider: OAuthProvider
    base: Link
    """The link whose refresh token was spent for them: they may replace its version, or an older state."""
    tokens: TokenSet
    adopted: Mapping[str, GrantOrigin]
    """The link's new origin, as a keyword for the store, if it has one: the provider has taken the refresh
    token of a link that said no origin, or one from before a move."""
    began: float
    """When the exchange began, on the monotonic clock."""

    def link(self) -> Link:
        """Return the link as it will be."""
        # It keeps the time of the last write, by the store's clock: what it is compared with has no other.
        return attrs.evolve(
            self.base,
            tokens=self.tokens,
            version=self.base.version + 1,
            failure=None,
            pending=None,
            origin=self.adopted.get("origin", self.base.origin),
        )


@final
class UnsavedTokens:
    """Saves the outcomes of exchanges. What the store does not take now is kept here and saved later.

    Meanwhile callers are served from here (:meth:`unsaved`). Only a process that dies, or is told to close
    and finds the store down for the policy's ``shutdown_grace`` too, loses the tokens.
    """

    def __init__(
        self,
        store: RefreshStore,
        clock: Clock,
        policy: RefreshPolicy,
        emitter: EventEmitter,
        rng: random.Random,
        *,
        on_shared_grant: OnSharedGrant,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._emitter = emitter
        self._rng = rng
        self._grant_ender = GrantEnder(
            store, clock, emitter, policy.exchange_timeout, on_shared_grant=on_shared_grant
        )
        self._unsaved: dict[LinkKey, Link] = {}
        """As they will be. Added by :meth:`save`; removed by the task that gets them saved."""
        self._guards: dict[LinkKey, _Guard] = {}
        """The visible tasks that keep the loop running until the unswept ones have saved."""
        self._keeps_origins = takes(store.save, "origin")
        self._give_up_at = float("inf")
        """On the monotonic clock; set once, by :meth:`hurry`."""

    @property
    def idle(self) -> bool:
        """Whether nothing is unsaved."""
        return not self._unsaved

    def unsaved(self, key: LinkKey) -> Link | None:
        """Return the link as it will be once it is saved, if it isn't yet."""
        return self._unsaved.get(key) if self._unsaved else None

    async def settled(self, key: LinkKey, timeout: timedelta) -> bool:
        """Wait until nothing is unsaved for the key, or for ``timeout``; say whether it is so."""
        guard = self._guards.get(key)
        if guard is not None:
            await asyncio.wait({guard}, timeout=timeout.total_seconds())
        return key not in self._unsaved

    async def save(self, provider: OAuthProvider, base: Link, tokens: TokenSet, began: float) -> Link:
        """Save what the exchange of ``base`` brought and return the link to hand out.

        That is the new link, even where it could not be stored yet, or the stored one if someone else wrote
        a newer one meanwhile.

        :raises LinkNotFound: if the user unlinked meanwhile. The new tokens are then revoked.
        """
        adopted: dict[str, GrantOrigin] = {}
        if provider.origin is not None and provider.origin != base.origin and self._keeps_origins:
            adopted = {"origin": provider.origin}
        unsaved = _Unsaved(provider, base, tokens, adopted, began)
        outcome = await self._try(unsaved)
        if outcome is not None:
            return await self._settle(unsaved, outcome)
        link = unsaved.link()
        self._emitter.emit(SaveDelayed(link.key, link.version))
        self._unsaved[link.key] = link
        guard = asyncio.get_running_loop().create_task(self._guard(unsaved))
        self._guards[link.key] = guard
        return link

    def hurry(self) -> None:
        """Take note that the process is about to end: from now on only ``shutdown_grace`` is left."""
        grace = self._policy.shutdown_grace.total_seconds()
        self._give_up_at = min(self._give_up_at, self._clock.monotonic() + grace)

    async def aclose(self) -> None:
        """Wait until everything is saved, or given up: call :meth:`hurry` first."""
        if self._guards:
            await asyncio.wait(set(self._guards.values()))

    async def _guard(self, unsaved: _Unsaved) -> None:
        try:
            await defer_cancellation(start_protected(self._persist(unsaved)), on_cancel=self.hurry)
        finally:
            del self._guards[unsaved.base.key]

    async def _persist(self, unsaved: _Unsaved) -> None:
        attempt = 0
        try:
            while self._clock.monotonic() < self._give_up_at:
                attempt += 1
                pause = self._policy.retry.delay(attempt, jitter=self._rng.random())
                await self._clock.sleep(pause.total_seconds())
                outcome = await self._try(unsaved)
                if outcome is not None:
                    with suppress(LinkNotFound):  # told, and the tokens are revoked
                        await self._settle(unsaved, outcome)
                    return
            self._emitter.emit(SaveAbandoned(unsaved.base.key, unsaved.base.version + 1))
        finally:
            del self._unsaved[unsaved.base.key]

    async def _try(self, unsaved: _Unsaved) -> SaveOutcome | None:
        """Save once; None if it may not have worked. Repeating a save that did work finds it stale."""
        base, tokens, adopted = unsaved.base, unsaved.tokens, unsaved.adopted
        try:
            said: dict[str, Any] = {**adopted, **as_written(self._store.save, base)}
            outcome = await self._store.save(base.key, base.version, tokens, **said)
            if isinstance(outcome, Saved):
                return outcome
            return await save_over(self._store, base, tokens, outcome, **adopted)
        except StoreUnavailable:
            return None
        except asyncio.CancelledError:
            if cancelled_by_caller():
                raise
            return None
        except Exception as error:  # noqa: BLE001 - a store that breaks its contract must not lose a link
            logger.error("%s.save raised %s", type(self._store).__name__, type(error).__name__)
            return None

    async def _settle(self, unsaved: _Unsaved, outcome: SaveOutcome) -> Link:
        key = unsaved.base.key
        match outcome:
            case Saved(link):
                self._tell_refreshed(unsaved, link)
                return link
            case Stale(link):
                if same_tokens(link.tokens, unsaved.tokens):
                    self._tell_refreshed(unsaved, link)  # an earlier try had worked after all
                else:
                    self._emitter.emit(LinkAdopted(key, link.version))
                return link
            case Absent():
                account = unsaved.base.account
                ended = await self._grant_ender.end(unsaved.provider, key, unsaved.tokens, account=account)
                self._emitter.emit(UnlinkedMeanwhile(key, ended.revoked, ended.reason))
                raise link_not_found(key)

    def _tell_refreshed(self, unsaved: _Unsaved, link: Link) -> None:
        took = timedelta(seconds=self._clock.monotonic() - unsaved.began)
        self._emitter.emit(LinkRefreshed(link.key, link.version, took))
