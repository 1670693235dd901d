"""Who waits for a turn at one provider, in which order, and when those who do not wait are to come back."""

from __future__ import annotations

import asyncio
import bisect
import heapq
import itertools
from typing import Final, TypeAlias, final

import attrs

from extauth.domain.link import LinkKey

_MANY: Final = 1000
"""From so many on, places of links that did not come back are looked for and forgotten."""

_KEPT_FOR: Final = 3600.0
"""Seconds for which a place is kept for who does not come back."""


@final
@attrs.frozen
class _Place:
    number: int
    """In the order in which the links were first asked for."""
    due: float
    """When its link was told to come back."""


@final
@attrs.define(eq=False)
class Waiter:
    """One link's refresh that waits."""

    key: LinkKey
    number: int
    patience: float
    """Until when it waits."""
    turn: asyncio.Future[None]

    @property
    def waits(self) -> bool:
        """Whether nothing has been decided yet, and nobody has cancelled it."""
        return not self.turn.done()


_Entry: TypeAlias = tuple[float, int, Waiter]
"""What it is sorted by, a number that no other entry has, and whose it is."""


@final
class Places:
    """The line at one provider. First come, first served; who was sent away keeps the place."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._kept: dict[LinkKey, _Place] = {}
        self._forget_at = _MANY
        self._urgent: list[_Entry] = []
        self._early: list[_Entry] = []
        self._by_patience: list[_Entry] = []
        """All three are heaps; whoever does not wait any more is dropped where it turns up."""
        self._waiting: dict[LinkKey, Waiter] = {}
        self._promised: list[float] = []
        """When those who were sent away and are not due yet are to come back, in order."""

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, key: LinkKey, now: float, patience: float, hurry_at: float) -> Waiter:
        """Wait, in the place that was kept or at the end.

        ``hurry_at`` is when its access token stops working: until then those go first whose do not work.
        """
        place = self._kept.get(key) or self._keep(key, _Place(next(self._numbers), now), now)
        waiter = Waiter(key, place.number, patience, asyncio.get_running_loop().create_future())
        self._waiting[key] = waiter
        tie = next(self._numbers)
        if hurry_at <= now:
            heapq.heappush(self._urgent, (place.number, tie, waiter))
        else:
            heapq.heappush(self._early, (hurry_at, tie, waiter))
        heapq.heappush(self._by_patience, (patience, tie, waiter))
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no more."""
        if self._waiting.get(waiter.key) is waiter:
            del self._waiting[waiter.key]

    def next(self, now: float) -> Waiter | None:
        """Take out who is next; None if nobody waits."""
        while self._early and (self._early[0][0] <= now or not self._early[0][2].waits):
            _, tie, waiter = heapq.heappop(self._early)
            heapq.heappush(self._urgent, (waiter.number, tie, waiter))
        for line in (self._urgent, self._early):
            while line:
                waiter = heapq.heappop(line)[-1]
                if waiter.waits:
                    self.leave(waiter)
                    return waiter
        return None

    def forget(self, key: LinkKey) -> None:
        """The link was served: it has no place any more. One that was refused keeps it."""
        place = self._kept.pop(key, None) if self._kept else None
        if place is None:
            return
        at = bisect.bisect_left(self._promised, place.due)
        if self._promised[at : at + 1] == [place.due]:
            del self._promised[at]

    def patient_until(self) -> float:
        """Return when the next one's patience ends."""
        while self._by_patience and not self._by_patience[0][-1].waits:
            heapq.heappop(self._by_patience)
        return self._by_patience[0][0] if self._by_patience else float("inf")

    def impatient(self, now: float) -> list[Waiter]:
        """Take out those whose patience has ended, in order."""
        impatient: list[Waiter] = []
        while self.patient_until() <= now:
            waiter = heapq.heappop(self._by_patience)[-1]
            self.leave(waiter)
            impatient.append(waiter)
        return impatient

    def in_order(self) -> list[Waiter]:
        """Return who waits: those who are in a hurry first."""
        urgent = sorted(self._urgent)
        return [entry[-1] for entry in (*urgent, *sorted(self._early)) if entry[-1].waits]

    def is_due(self, key: LinkKey, now: float) -> bool:
        """Whether the link was told to come back by now."""
        kept = self._kept.get(key)
        return kept is not None and kept.due <= now

    def send_away(self, key: LinkKey, now: float, first: float, per_second: float) -> float:
        """Keep the link's place, and return when it is to come back: when its turn will come.

        ``first`` is when the first of all goes, and ``per_second`` how many do. Each has a turn of its own;
        who comes back earlier is told the same again. Where others wait is counted, and not until when: what
        they were told at a speed that proved too low holds up nobody else.
        """
        kept = self._kept.get(key)
        if kept is not None and kept.due > now:
            return kept.due
        del self._promised[: bisect.bisect_right(self._promised, now)]
        due = first + (len(self) + len(self._promised)) / per_second
        bisect.insort(self._promised, due)
        self._keep(key, _Place(next(self._numbers) if kept is None else kept.number, due), now)
        return due

    def _keep(self, key: LinkKey, place: _Place, now: float) -> _Place:
        if len(self._kept) >= self._forget_at:
            self._kept = {key: kept for key, kept in self._kept.items() if kept.due > now - _KEPT_FOR}
            self._forget_at = max(_MANY, 2 * len(self._kept))
        self._kept[key] = place
        return place
