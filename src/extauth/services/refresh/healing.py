"""Giving links back to a store that has lost its last writes, before anybody presents what it has instead."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol, final

from extauth.domain.errors import ExtAuthError, LinkNotFound, StoreUnavailable
from extauth.domain.events import StoreWentBack
from extauth.domain.known_links import KnownLinks
from extauth.domain.link import Link, LinkKey
from extauth.domain.lost_writes import put_back_by_another
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore
from extauth.services.errors import link_not_found
from extauth.services.events import EventEmitter
from extauth.services.refresh.store_watch import StoreWatch
from extauth.services.single_flight import SingleFlight
from extauth.services.uninterrupted import defer_cancellation, start_protected

_AT_ONCE: Final = 32
"""How many links are looked at at the same time."""


class PutBack(Protocol):
    """Puts what is known back over what is stored: ``put_back`` of ``lost_writes``."""

    def __call__(
        self, known: Link, stored: Link, *, behind: Callable[[Link], bool]
    ) -> Coroutine[Any, Any, Link]:
        """Return the link as it is stored then."""
        ...


@final
class Healing:
    """Knows the links that went through this process, and compares with them what the store has."""

    def __init__(
        self,
        store: RefreshStore,
        clock: Clock,
        policy: RefreshPolicy,
        emitter: EventEmitter,
        *,
        watch: StoreWatch,
        put_back: PutBack,
    ) -> None:
        self._store = store
        self._clock = clock
        self._pause = policy.retry.initial.total_seconds()
        self._emitter = emitter
        self._watch = watch
        self._put_back = put_back
        self._known = KnownLinks(policy.remember_most)
        self._looks: SingleFlight[LinkKey, Link] = SingleFlight()
        # Until the end others put back what they know, which may be less than what is known here.
        watch.on_gone_back(self._sweep, self._known.went_back, self._look_at_latest)

    async def read(self, key: LinkKey) -> Link:
        """Return the link as it is stored, or the newer one that is known, which is then put back.

        :raises LinkNotFound: if there is none.
        """
        link = await self._store.get(key)
        if link is None:
            self._known.forget(key)
            raise link_not_found(key)
        newer = self._known.note(link, key)
        return link if newer is None else await self._healed(newer)

    async def checked(self, link: Link) -> Link:
        """Return a link as it was read, or the newer one that is known, which is then put back.

        :raises LinkNotFound: if the user has disconnected meanwhile.
        """
        newer = self._known.note(link)
        return link if newer is None else await self._healed(newer)

    def note(self, link: Link) -> None:
        """Take note of a link as it was saved."""
        self._known.note(link)

    @property
    def idle(self) -> bool:
        """Whether no link is being put back."""
        return self._looks.idle

    async def aclose(self) -> None:
        """Finish what was begun."""
        await self._looks.aclose()

    def _healed(self, newer: Link) -> Awaitable[Link]:
        return self._looks.do(newer.key, partial(self._look, newer))

    async def _look(self, newer: Link) -> Link:
        """Read the link once more, since it may have been read before it was written here, and heal it."""
        key = newer.key
        try:
            stored = await self._store.get(key)
            if stored is None:
                raise link_not_found(key)
            if self._is_mended(stored, newer) or (known := self._known.note(stored)) is None:
                return stored
            self._watch.doubt()
            putting_back = start_protected(self._put_back(known, stored, behind=self._known.is_behind))
            return await defer_cancellation(putting_back)
        except StoreUnavailable:
            return newer  # what it has is no good, and will be looked at again
        except LinkNotFound:
            self._known.forget(key)
            raise

    async def _look_at_latest(self) -> None:
        """See whether the store has gone back where nothing else says so."""
        latest = self._known.latest
        if latest is not None:
            stored = await self._store.get(latest.key)
            if stored is None:
                self._known.forget(latest.key)
            elif not self._is_mended(stored, latest):
                await self.checked(stored)

    def _is_mended(self, stored: Link, known: Link) -> bool:
        """Whether another replica has put the link back, which says that the store had gone back."""
        if not put_back_by_another(stored, known):
            return False
        self._known.note(stored)
        self._watch.doubt()
        return True

    async def _sweep(self, until: float, again: bool) -> None:
        keys = iter(self._known.went_back())
        held = until - self._clock.monotonic()
        found: Counter[str] = Counter()

        async def some() -> None:
            for key in keys:
                found[await self._swept(key, until)] += 1

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
        told = StoreWentBack(
            known=found.total(),
            healed=found["healed"],
            missing=found["missing"],
            unread=found["unread"],
            held=timedelta(seconds=max(0.0, round(held, 1))),
        )
        if told.healed or not again:
            self._emitter.emit(told)

    async def _swept(self, key: LinkKey, until: float) -> str:
        while self._clock.monotonic() < until:
            try:
                stored = await self._store.get(key)
                if stored is None:
                    return "missing"
                return "well" if (await self.checked(stored)) is stored else "healed"
            except LinkNotFound:
                return "missing"
            except StoreUnavailable:
                await self._clock.sleep(self._pause)
            except ExtAuthError:
                break  # one that cannot be read
        return "unread"
