"""Waiting for another replica's exchange, at a cost that doesn't grow with the links waited for.

One poll reads every link that anyone in this process waits for. The pause between polls follows the age
of the youngest wait, because most exchanges end soon after they began, and is jittered so that replicas
don't poll in step. A NOTIFY per save would be prompter, but takes a database-wide lock at each commit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import final

import attrs

from extauth.adapters.sql.link_columns import RowKey
from extauth.adapters.sql.readable import LinkOrError
from extauth.domain.errors import LinkUnreadable, StoreUnavailable
from extauth.domain.link import Link

SHORTEST_PAUSE = 0.005
"""Seconds between polls for a wait that has just begun."""
LONGEST_PAUSE = 0.025
"""Seconds between polls for long waits: half of it is the mean delay in noticing a save."""
PAUSE_PER_AGE = 0.1
"""Part of a wait's age that may pass before the next look."""


@final
@attrs.define(eq=False)
class _Wait:
    key: RowKey
    version: int
    began: float
    deadline: float
    ended: asyncio.Future[Link | None]

    def look(self, link: LinkOrError | None, now: float) -> None:
        """End the wait if the exchange has ended, or time is up, or there is no telling."""
        if isinstance(link, LinkUnreadable):
            self.blind(link, float("inf"))
            return
        over = link is None or link.version != self.version or link.pending is None or not link.pending.live
        if (over or now >= self.deadline) and not self.ended.done():
            self.ended.set_result(link)

    def blind(self, error: StoreUnavailable, now: float) -> None:
        """Ride out a store that is down for a while; give up when time is up."""
        if now >= self.deadline and not self.ended.done():
            self.ended.set_exception(error)


@final
class ChangeWatch:
    """Tells those who wait when a link's exchange has ended; polls only while someone waits."""

    def __init__(self, fetch: Callable[[Iterable[RowKey]], Awaitable[Mapping[RowKey, LinkOrError]]]) -> None:
        self._fetch = fetch
        self._waits: set[_Wait] = set()
        """Added by ``wait``; removed by it if cancelled, else by the poller when they have ended."""
        self._poller: asyncio.Task[None] | None = None
        """Runs while there are waits; strong reference."""

    async def wait(self, key: RowKey, version: int, timeout: timedelta) -> Link | None:
        """Do what :meth:`LinkStore.wait_for_change` says."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        wait = _Wait(key, version, now, now + timeout.total_seconds(), loop.create_future())
        self._waits.add(wait)
        if self._poller is None or self._poller.done():
            self._poller = loop.create_task(self._poll())
        try:
            return await wait.ended
        finally:
            self._waits.discard(wait)

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waits:
                # Waits that begin during the query are left to the next one.
                waits = list(self._waits)
                try:
                    links = await self._fetch({wait.key for wait in waits})
                except StoreUnavailable as error:
                    for wait in waits:
                        wait.blind(error, loop.time())
                else:
                    for wait in waits:
                        wait.look(links.get(wait.key), loop.time())
                self._waits.difference_update([wait for wait in waits if wait.ended.done()])
                if self._waits:
                    await asyncio.sleep(_pause(self._waits, loop.time()))
        finally:
            for wait in self._waits:
                wait.blind(StoreUnavailable("the wait was interrupted"), float("inf"))


def _pause(waits: Iterable[_Wait], now: float) -> float:
    age = now - max(wait.began for wait in waits)
    next_deadline = min(wait.deadline for wait in waits) - now
    pause = min(max(age * PAUSE_PER_AGE, SHORTEST_PAUSE), LONGEST_PAUSE)
    return max(min(pause * random.uniform(0.8, 1.2), next_deadline), 0)  # noqa: S311 - jitter
