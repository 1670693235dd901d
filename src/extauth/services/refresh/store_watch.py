"""Noticing that the store has lost writes, and refreshing nothing until every replica has looked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Final, TypeAlias, final

from extauth.domain.errors import ExtAuthError, StoreUnavailable
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, RefreshStore
from extauth.domain.store_history import HistorySeen, StoreHistory, history_of
from extauth.services.refresh.restored import RestoredStore

_LOOKS: Final = 3
"""How often a replica looks within the span for which another one holds still."""

_TICK: Final = 0.001
"""Seconds; a clock need not tell less."""

Sweep: TypeAlias = Callable[[float, bool], Awaitable[None]]
"""Looks at all links that are known, until a moment on the monotonic clock at most; the other argument says
whether it has just done so, for what may be the same."""

Probe: TypeAlias = Callable[[], Awaitable[None]]
"""Looks at one of them."""


@final
class StoreWatch:
    """Watches the history of a store's database.

    Each claim is told which one it is in. Who has nothing to claim looks now and then, so that it puts back
    what it alone knows before a replica that does not know it presents a token that is used up. A store may
    say nothing of its history: then it has gone back where a link has (:meth:`doubt`), and the one that was
    written last is looked at.
    """

    def __init__(
        self, store: RefreshStore, clock: Clock, policy: RefreshPolicy, restored: RestoredStore
    ) -> None:
        self._history = history_of(store)
        self._restored = restored
        self._clock = clock
        self._hold = policy.hold_after_failover.total_seconds()
        self._seen: HistorySeen | None = None
        """The history as it was last looked at."""
        self._told: str | None = None
        """What claims in the one that is known are told."""
        self._held_until = float("-inf")
        """On the monotonic clock."""
        self._unexplained = False
        """Whether that is for a link alone, so that another history, once it is seen, is why."""
        self._unknown: HistorySeen | None = None
        """The one that was found at the start, as long as nobody has accepted it: what was before it is not
        known here."""
        self._accepting = asyncio.Lock()
        self._sure = not policy.hold_doubtful
        """Whether it does not matter what the first look says, or it was successful."""
        self._blind = False
        """Whether it matters, and it was not."""
        self._sweep: Sweep | None = None
        self._settled: Callable[[], object] | None = None
        self._probe: Probe | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def on_gone_back(self, sweep: Sweep, settled: Callable[[], object], probe: Probe) -> None:
        """Have ``sweep`` called each time that the store has gone back, and ``settled`` when the hold ends;
        ``probe`` finds out whether it has."""
        self._sweep, self._settled, self._probe = sweep, settled, probe

    @property
    def holding(self) -> bool:
        """Whether nothing is to be refreshed now."""
        return self.holds_for() > 0

    def holds_for(self) -> float:
        """Return for how many seconds nothing is to be refreshed, as far as that can be said."""
        left = max(0.0, self._held_until - self._clock.monotonic())
        return max(left, self._hold / _LOOKS) if self._blind or self._unknown is not None else left

    def told(self, history: str) -> None:
        """Take note of what a claim was told."""
        before, self._told = self._told, history
        if before not in {None, history}:
            self._changed()

    def doubt(self) -> None:
        """Take note that a link has gone back, of which there may be no other sign.

        Not shortly after the store has: another replica has put back less than is known here.
        """
        if self._clock.monotonic() >= self._held_until + self._hold:
            self._gone_back()
            self._unexplained = True

    async def look(self) -> None:
        """See which history the database has; one that is down, or cannot say, is no error here."""
        if self._history is None or not self._hold:
            return
        self._blind = not self._sure
        with suppress(StoreUnavailable, TimeoutError):
            # A server may have fallen silent, and another one answer.
            async with asyncio.timeout(self._hold / _LOOKS):
                await self._look(self._history)
            self._sure, self._blind = True, False
            if self._unknown is not None:
                await self._accept_unknown(self._history)

    async def _look(self, history: StoreHistory) -> None:
        seen = await history.look()
        if seen is None:
            return
        if self._unknown is not None or (self._seen is None and seen.accepted not in {None, seen.current}):
            self._look_at_unknown(seen)
            return
        known = seen.accepted if self._seen is None else self._seen.current
        noticed = self._seen is not None and self._seen.told != seen.told == self._told
        self._seen, self._told = seen, seen.told
        if known not in {None, seen.current}:
            if not noticed:
                self._changed()
        elif seen.accepted != seen.current and self._clock.monotonic() >= self._held_until:
            await history.accept(seen)

    def _look_at_unknown(self, seen: HistorySeen) -> None:
        """Give those who remember the time to notice, which takes them up to one span, and to look at all
        that they know, which takes them another."""
        began = self._unknown
        self._seen, self._told = seen, seen.told
        if seen.accepted == seen.current:  # one of them has said so
            self._unknown, self._held_until = None, self._clock.monotonic()
        elif began is None or began.current != seen.current:
            self._unknown = seen
            if seen.others_may_know:
                self._gone_back(2 * self._hold)

    async def _accept_unknown(self, history: StoreHistory) -> None:
        async with self._accepting:
            seen = self._unknown
            if seen is not None and self._clock.monotonic() >= self._held_until:
                await self._restored.accept(history, seen)
                self._unknown = None

    def start(self) -> None:
        """Go on looking until :meth:`stop`."""
        if self._hold:
            self._keep(self._look_now_and_then())

    def stop(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()

    def _changed(self) -> None:
        # It may be why a link had gone back, and it may be yet another one.
        self._gone_back(again=self._unexplained and self.holding)

    def _gone_back(self, hold: float | None = None, *, again: bool = False) -> None:
        self._unexplained = False
        if self._hold:
            self._held_until = self._clock.monotonic() + (self._hold if hold is None else hold)
            self._keep(self._heal(self._held_until, again=again))

    async def _heal(self, until: float, *, again: bool) -> None:
        if self._sweep is not None:
            await self._sweep(until, again)
        while (left := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(max(left, _TICK))
        if self._settled is not None:
            self._settled()
        await self.look()  # to say that all is well again

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._hold / _LOOKS)
            await self.look()
            if self._probe is not None and not self.holding:
                with suppress(ExtAuthError, TimeoutError):
                    async with asyncio.timeout(self._hold / _LOOKS):
                        await self._probe()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        # In a context of its own: it is no part of the call that noticed, and works in nobody else's name.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
