"""Writes on a condition: done, or a reason why not, after a bounded number of tries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar, final

from extauth.adapters.sql.races import LostRaces
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Absent, Held, Recorded, Stale
from extauth.domain.ports import Takeover

R = TypeVar("R")
P = TypeVar("P")
Done = TypeVar("Done")
Reason = TypeVar("Reason")

MOST_TRIES = 10
"""Of one write. Each try but the first needs a lease or a mark that ends between two statements."""


@final
class ConditionalWrites(Generic[R, P]):
    """Runs each kind of them: ``write`` takes a statement and its parameters, and returns the row written."""

    def __init__(self, write: Callable[[str, P], Awaitable[R | None]], lost: LostRaces[R]) -> None:
        self._write = write
        self._lost = lost

    def at_version(
        self, key: LinkKey, version: int, sql: str, parameters: P, written_at: datetime | None = None
    ) -> Awaitable[R | Stale | Absent]:
        """Write on the condition of the version, and of when it was written if that is given."""
        why_not = partial(self._lost.write, key, version, written_at)
        return repeated(partial(self._write, sql, parameters), why_not)

    def claim(
        self, key: LinkKey, version: int, takeover: Takeover, sql: str, parameters: P
    ) -> Awaitable[R | Held | Stale | Absent]:
        """Write if no other owner's lease is in the way, either."""
        why_not = partial(self._lost.claim, key, version, takeover)
        return repeated(partial(self._write, sql, parameters), why_not)

    def mark(
        self, key: LinkKey, version: int, sql: str, parameters: P, written_at: datetime | None
    ) -> Awaitable[R | Recorded | Stale | Absent]:
        """Write if no permanent mark is in the way, either."""
        why_not = partial(self._lost.mark, key, version, written_at)
        return repeated(partial(self._write, sql, parameters), why_not)


async def repeated(
    write: Callable[[], Awaitable[Done | None]], why_not: Callable[[], Awaitable[Reason | None]]
) -> Done | Reason:
    """Write until that returns something, or ``why_not``, which is asked after each failure, does.

    :raises StoreUnavailable: if the database writes nothing again and again, and nothing in it says why.
    """
    for _ in range(MOST_TRIES):
        done = await write()
        if done is not None:
            return done
        reason = await why_not()
        if reason is not None:
            return reason
    raise swallowed()


def swallowed() -> StoreUnavailable:
    """Return the error for a write that did nothing although nothing that can be read speaks against it."""
    return StoreUnavailable(
        "the database did not write, though nothing in the row speaks against it: a trigger on extauth's"
        " tables swallows writes, row-level security keeps rows from them, or a load balancer sends reads or"
        " writes to another server than the primary; exempt extauth's tables and statements from that"
    )
