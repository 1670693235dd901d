"""Whether a database still has the history that it had: a failover or a restore begins another one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol, cast, final

import attrs

from extauth.domain.link import LinkKey


@final
@attrs.frozen
class HistorySeen:
    """Which history the database has now, and which one links are refreshed in."""

    current: str
    """A name for it: another one once a standby has been promoted, or a backup restored."""
    accepted: str | None
    """The one that every replica has had the time to look at; None if that was never said."""
    told: str
    """What a claim in the current one is told with (:class:`~extauth.domain.outcomes.Claimed`)."""
    at: datetime | None = None
    """When this was looked at, by the store's clock."""
    restored_at: datetime | None = None
    """Since when the current one was known to be one that nobody remembers; None if that is not so, or an
    operator has agreed to all that is doubtful."""
    others_may_know: bool = True
    """Whether a replica that runs may have gone on into it with some links, so that it must be given time to
    say so."""


@final
@attrs.frozen
class HeldLinks:
    """What a step through the links has come to."""

    held: int
    """How many were marked."""
    next: LinkKey | None
    """What to go on after; None at the end."""


class StoreHistory(Protocol):
    """What a store says of its database's history. It is the store's attribute ``history``."""

    async def look(self) -> HistorySeen | None:
        """Return what it is; None where the database cannot say.

        :raises StoreUnavailable: if the store is down.
        """
        ...

    async def accept(self, seen: HistorySeen) -> None:
        """Say that links may be refreshed in this history, if it is still the current one.

        Can be repeated. Nothing happens if another replica has said so.

        :raises StoreUnavailable: if the store is down.
        """
        ...

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        """Accept a history of which nobody remembers how it began, and return how many links are doubtful
        (:func:`~extauth.domain.doubt.is_doubtful`, with ``seen.at``), which is looked for until
        :meth:`agree`. None if another replica has said so, or it is no longer the current one.

        :raises StoreUnavailable: if the store is down.
        """
        ...

    async def hold(
        self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
    ) -> HeldLinks:
        """Mark the doubtful ones (:func:`~extauth.domain.doubt.doubt`) of some links from ``after`` on, whose
        credentials were written before ``before``. A mark that keeps them as well stays.

        One transaction; can be repeated. A cancelled call may have been carried out.

        :raises StoreUnavailable: if the store is down.
        """
        ...

    async def agree(self) -> None:
        """Say that nothing is doubtful any more. Marks stay until they are lifted.

        :raises StoreUnavailable: if the store is down.
        """
        ...


def history_of(store: object) -> StoreHistory | None:
    """Return what the store says of its history, if it says anything."""
    return cast("StoreHistory | None", getattr(store, "history", None))
