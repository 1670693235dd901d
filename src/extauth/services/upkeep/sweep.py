"""Looking through all that is due of one provider."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, final

from extauth.domain.due import Due, DueBy
from extauth.domain.errors import (
    ConfigurationError,
    ExtAuthError,
    LinkNotFound,
    LinkUnreadable,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
    StoreUnavailable,
    TemporarilyUnavailable,
)
from extauth.domain.link import Link, LinkKey
from extauth.domain.ports import Clock, OAuthProvider
from extauth.domain.upkeep import Upkeep, UpkeepReport
from extauth.services.events import logger
from extauth.services.providers import provider_of
from extauth.services.upkeep.pace import Pace
from extauth.services.upkeep.tally import OnProgress, Tally

_LEFT_ALONE: Final = timedelta(hours=1).total_seconds()
"""Seconds for which a link is left alone that somebody must look at; nothing in the store says so."""

_MANY: Final = 100_000
"""Of so many at most that is remembered."""


class UpkeepLinks(Protocol):
    """What upkeep needs of a store itself; the rest is the refresh's."""

    async def get(self, key: LinkKey) -> Link | None:
        """See :class:`~extauth.domain.ports.LinkReader`."""
        ...

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        """See :class:`~extauth.domain.ports.UpkeepStore`."""
        ...


class Ahead(Protocol):
    """Refreshes links before anybody waits for it: ``ahead`` of a :class:`~extauth.TokenService`."""

    async def impediment(self, link: Link) -> ExtAuthError | None:
        """Return why the link is left alone now; a ``ProviderUnavailable`` is about all of its provider."""
        ...

    async def refresh(self, link: Link) -> bool:
        """Refresh the link unless it has changed since it was read; whether this got new tokens."""
        ...


@final
class Sweep:
    """Refreshes what is due of one provider, named links included, in every replica at the same time.

    They divide the links by the leases of their refreshes: each goes through a page in an order of its own,
    and looks at each link again before it refreshes it, if it is still as it was then.
    """

    def __init__(
        self,
        provider: OAuthProvider,
        providers: Mapping[str, OAuthProvider],
        store: UpkeepLinks,
        ahead: Ahead,
        *,
        upkeep: Upkeep,
        clock: Clock,
        closing: asyncio.Event,
        rng: random.Random,
    ) -> None:
        self.provider_id = provider.provider_id
        self.pace = Pace(upkeep, clock, closing)
        self._provider = provider
        self._providers = providers
        self._store = store
        self._ahead = ahead
        self._upkeep = upkeep
        self._clock = clock
        self._rng = rng
        self._places = asyncio.Semaphore(upkeep.concurrency)
        self._under_way: set[LinkKey] = set()
        """Links that are due by several of the times are refreshed once."""
        self._left_alone: dict[LinkKey, float] = {}
        """Until when, on the monotonic clock."""

    async def look(self, progress: OnProgress | None = None) -> UpkeepReport:
        """Refresh all that is due now, as far as the provider allows; ``progress`` hears of each link.

        Cancelled, it begins nothing more; refreshes under way go on.

        :raises StoreUnavailable: what was not refreshed by then is due another time.
        """
        tally = Tally(progress)
        now = self._clock.now()
        async with asyncio.TaskGroup() as looking:
            for by in self._upkeep.looks_for(self._provider.traits):
                looking.create_task(self._look(by, self._upkeep.horizon(by, now), tally))
        if tally.store_error is not None:
            raise tally.store_error
        resting = self.pace.rests_for > timedelta(0)
        return tally.report(paused=frozenset({self.provider_id} if resting else ()))

    async def _look(self, by: DueBy, before: datetime, tally: Tally) -> None:
        after: Due | None = None
        while self._goes_on(tally):
            try:
                page = await self._store.due(
                    self.provider_id, by, before, after=after, limit=self._upkeep.page
                )
            except StoreUnavailable as error:
                tally.store_error = error
                return
            if not page:
                return
            after = page[-1]
            self._rng.shuffle(page)
            async with asyncio.TaskGroup() as refreshing:
                for due in page:
                    if self._goes_on(tally) and self._concerns(due, by):
                        await self._places.acquire()
                        self._begin(due.key, by, tally, refreshing)

    def _begin(self, key: LinkKey, by: DueBy, tally: Tally, refreshing: asyncio.TaskGroup) -> None:
        """Refresh the link in the place that was acquired, if that is still to be done."""
        if not self._goes_on(tally) or key in self._under_way:
            self._places.release()
            return
        self._under_way.add(key)
        task = refreshing.create_task(self._keep_up(key, by, tally))
        # Also if it is cancelled before its first step.
        task.add_done_callback(lambda _: self._end(key))

    def _end(self, key: LinkKey) -> None:
        self._under_way.discard(key)
        self._places.release()

    def _goes_on(self, tally: Tally) -> bool:
        return tally.store_error is None and not self.pace.stopped

    def _concerns(self, due: Due, by: DueBy) -> bool:
        """Whether the link is worth reading."""
        return (
            not self._upkeep.is_early(due, by, self._clock.now())
            and due.key not in self._under_way
            and self._left_alone.get(due.key, 0.0) <= self._clock.monotonic()
            # Another provider's id may begin with this one's and a separator.
            and provider_of(self._providers, due.key.provider_id) is self._provider
        )

    async def _keep_up(self, key: LinkKey, by: DueBy, tally: Tally) -> None:
        """Refresh one link. What goes wrong with it is counted, and concerns no other."""
        try:
            await self._refresh(key, by, tally)
        except RefreshInProgress:
            tally.elsewhere += 1
        except (LinkNotFound, ReauthorizationRequired):
            tally.ended += 1
            self._leave_alone(key)  # nothing need say so in the store, if its client was forgotten
        except (LinkUnreadable, ConfigurationError) as error:
            logger.error("upkeep leaves a link alone for an hour: %s", error)
            tally.failed += 1
            self._leave_alone(key)
        except StoreUnavailable as error:
            tally.store_error = error
        except TemporarilyUnavailable:
            tally.failed += 1
        except Exception:  # noqa: BLE001 - a bug that one link shows must not stop the others' upkeep
            logger.exception("upkeep leaves a link of %s alone for an hour", key.provider_id)
            tally.failed += 1
            self._leave_alone(key)
        tally.tell()

    async def _refresh(self, key: LinkKey, by: DueBy, tally: Tally) -> None:
        link = await self._store.get(key)
        if link is None:
            return
        overdue = self._upkeep.overdue(link, by, self._clock.now(), self._provider.traits)
        if overdue is None:
            return
        impediment = await self._ahead.impediment(link)
        if isinstance(impediment, ProviderUnavailable):
            self.pace.rest(impediment.retry_after or self._upkeep.interval)
            return
        if impediment is not None:
            raise impediment
        if not await self.pace.turn():
            return
        try:
            refreshed = await self._ahead.refresh(link)
        except (ProviderUnavailable, ConfigurationError):
            self.pace.failed()
            raise
        if not refreshed:
            tally.elsewhere += 1
            return
        self.pace.succeeded()
        tally.refreshed += 1
        tally.behind = max(tally.behind, overdue)

    def _leave_alone(self, key: LinkKey) -> None:
        now = self._clock.monotonic()
        if len(self._left_alone) >= _MANY:
            self._left_alone = {key: until for key, until in self._left_alone.items() if until > now}
        if len(self._left_alone) < _MANY:
            self._left_alone[key] = now + _LEFT_ALONE
