"""What a conditional write that matched no row means: the row says so, when it is read after the write.

That is the truth, because what was written never comes back, and so neither does the condition. Where the
row gives no reason, it may have changed in between, so that the write is repeated; but not for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar, final

from extauth.domain.fence import STANDING
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Absent, Held, Recorded, Stale
from extauth.domain.ports import Takeover

R = TypeVar("R")


@final
class LostRaces(Generic[R]):
    """Says it for each kind of write. ``read`` sees every write that returned before, so it is no cache."""

    def __init__(
        self,
        read: Callable[[LinkKey], Awaitable[R | None]],
        link_from_row: Callable[[R], Link],
        held: Callable[[R], Held | None],
    ) -> None:
        self._read = read
        self._link_from_row = link_from_row
        self._held = held

    async def write(
        self, key: LinkKey, version: int, written_at: datetime | None = None
    ) -> Stale | Absent | None:
        """Say why a write did nothing whose one condition is what was written when; None if it holds."""
        link = await self.foreseen(key, version, written_at)
        return None if isinstance(link, Link) else link

    async def foreseen(
        self, key: LinkKey, version: int, written_at: datetime | None = None
    ) -> Link | Stale | Absent:
        """Return the link at that version, or what a write on the condition of it could only mean."""
        row = await self._read(key)
        if row is None:
            return Absent()
        link = self._link_from_row(row)
        return link if link.version == version and written_at in {None, link.updated_at} else Stale(link)

    async def claim(self, key: LinkKey, version: int, takeover: Takeover) -> Held | Stale | Absent | None:
        """Say why a claim did nothing; None if the reason is over by now, so that it is to be repeated."""
        row = await self._read(key)
        if row is None:
            return Absent()
        link = self._link_from_row(row)
        if link.version != version:
            return Stale(link)
        held = self._held(row)
        # If the lease ended between the two statements it is free now.
        lapsed = held is not None and held.remaining <= timedelta(0)
        return None if lapsed and takeover is True else held

    async def mark(
        self, key: LinkKey, version: int, written_at: datetime | None = None
    ) -> Recorded | Stale | Absent | None:
        """Say why a mark was not written: a permanent one, or a fence, of the same version keeps others out.

        None if there is no such mark by now, so that it is to be repeated.
        """
        link = await self.foreseen(key, version, written_at)
        if not isinstance(link, Link):
            return link
        mark = link.failure
        return Recorded(link) if mark is not None and (mark.permanent or mark.reason in STANDING) else None
