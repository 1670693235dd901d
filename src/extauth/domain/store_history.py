"""Whether a database still has the history that it had: a failover or a restore begins another one."""

from __future__ import annotations

from typing import Protocol, cast, final

import attrs


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


def history_of(store: object) -> StoreHistory | None:
    """Return what the store says of its history, if it says anything."""
    return cast("StoreHistory | None", getattr(store, "history", None))
