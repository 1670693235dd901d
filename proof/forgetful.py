"""A store that loses its last acknowledged writes when the schedule says so, as a failover does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from datetime import datetime
from functools import wraps
from typing import Any, Final, Self, final

import attrs

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Claimed
from extauth.domain.store_history import HeldLinks, HistorySeen
from extauth.testing import Bounds, VirtualClock, explore
from extauth.testing.schedules.explorer import Report

_WRITES: Final = frozenset({"save", "record_failure", "release", "reseal", "lift_failure", "delete"})


@final
class ForgetfulStore:
    """A memory store with a history. What was connected is never lost: nobody promises to bring that back."""

    def __init__(self, clock: VirtualClock, most: int) -> None:
        self._inner: Any = MemoryLinkStore(now=clock.store_now)
        self._now = clock.store_now
        self._most = most
        self._rows: dict[LinkKey, Any] = self._inner._rows  # noqa: SLF001 - what it keeps
        self._before: list[dict[LinkKey, Any]] = []
        """What was stored before each of the last writes, the newest last."""
        self._timeline = 1
        self._accepted: str | None = None
        self.history = self
        self._claim = self._remembering(self._inner.claim)
        for name in _WRITES:
            setattr(self, name, self._remembering(getattr(self._inner, name)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def put(self, *args: Any, **kwargs: Any) -> Any:
        """Connect a user, for good."""
        self._before.clear()
        return await self._inner.put(*args, **kwargs)

    async def claim(self, *args: Any, **kwargs: Any) -> Any:
        """Claim, and tell the history."""
        outcome = await self._claim(*args, **kwargs)
        return attrs.evolve(outcome, history=str(self._timeline)) if isinstance(outcome, Claimed) else outcome

    def forget(self, writes: int) -> None:
        """Lose that many, or all that there were, and begin another history."""
        lost = self._before[-writes:]
        if lost:
            self._rows.clear()
            self._rows.update(lost[0])
            del self._before[-writes:]
        self._timeline += 1

    async def look(self) -> HistorySeen:
        """See :class:`~extauth.domain.store_history.StoreHistory`."""
        told = str(self._timeline)
        return HistorySeen(f"t{told}", self._accepted, told, self._now())

    async def accept(self, seen: HistorySeen) -> None:
        """See there."""
        if seen.told == str(self._timeline):
            self._accepted = seen.current

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        """See there; nobody asks how many are doubtful."""
        del spared
        await self.accept(seen)
        return None

    async def hold(
        self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
    ) -> HeldLinks:
        """See there; no policy asks for it."""
        raise NotImplementedError

    async def agree(self) -> None:
        """See there."""

    def state(self) -> tuple[Hashable, Any]:
        """Return all that it may tell, and what it may fall back to, with the owners of leases apart."""
        rows, owners = self._inner.state()
        before = tuple(frozenset(each.items()) for each in self._before)
        return (rows, before, self._timeline, self._accepted), owners

    def _remembering(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        async def write(*args: Any, **kwargs: Any) -> Any:
            before = dict(self._rows)
            outcome = await method(*args, **kwargs)
            if before != self._rows:
                self._before = [*self._before, before][-self._most :]
            return outcome

        return write


def explore_forgetful(bounds: Bounds) -> Report:
    """Walk a configuration in which the store loses writes."""
    most = max(bounds.forgets)
    return explore(bounds, make_store=lambda clock: ForgetfulStore(clock, most))
