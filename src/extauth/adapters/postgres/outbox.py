"""The outbox in Postgres, for :class:`PostgresLinkStore`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, final

from extauth.adapters.postgres import outbox_statements as statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.meta_row import MetaRow
from extauth.adapters.postgres.outbox_schema import TRIGGERS
from extauth.adapters.postgres.row import instant
from extauth.adapters.postgres.rows import key_parameters, micros
from extauth.adapters.sql.outbox_rows import claimed_events, dead_letter, ending_link, outbox_counts
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.health import Source
from extauth.domain.outbox import (
    LISTENING,
    ClaimedEvent,
    DeadLetter,
    EndingLink,
    OutboxCounts,
    checked_event_claim,
)
from extauth.one_loop import OneLoop, on_one_loop

_NO_TRIGGER: Final = (
    "external_auth_links has no trigger {name} that is enabled, as a table that was made anew, and without it"
    " events are lost; enable it, or start to deliver events once as the owner of the table"
)


@final
@on_one_loop
class PostgresOutbox:
    """An :class:`~extauth.domain.outbox.Outbox` beside the links."""

    def __init__(self, connections: Connections, meta: MetaRow, home: OneLoop) -> None:
        self._connections = connections
        self._meta = meta
        self._home = home

    async def keep_on(self, span: timedelta = LISTENING) -> None:
        """As the port says.

        :raises ConfigurationError: if what writes events is missing, and this role may not make it.
        """
        for name in await self._missing():
            try:
                await self._connections.write(TRIGGERS[name])
            except StoreUnavailable as error:
                if name in await self._missing():  # else another replica has made it
                    raise ConfigurationError(_NO_TRIGGER.format(name=name)) from error.__cause__
        while not await self._connections.write(statements.KEEP_ON, micros(span)):
            await self._meta.put_back()

    async def claim(self, owner: str, ttl: timedelta, *, limit: int) -> list[ClaimedEvent]:
        checked_event_claim(owner, ttl, limit)
        rows = await self._connections.write(statements.CLAIM, owner, micros(ttl), limit)
        return claimed_events(rows, instant)

    async def acknowledge(self, number: int, owner: str) -> bool:
        return bool(await self._connections.write(statements.ACKNOWLEDGE, number, owner))

    async def postpone(self, number: int, owner: str, delay: timedelta | None, code: str) -> bool:
        delayed = None if delay is None else micros(delay)
        return bool(await self._connections.write(statements.POSTPONE, number, owner, delayed, code))

    async def ending(
        self, after: EndingLink | None, *, since: datetime, before: datetime, limit: int
    ) -> list[EndingLink]:
        last = (since, "", "") if after is None else (after.ends_at, *key_parameters(after.key))
        rows = await self._connections.read(statements.ENDING_LINKS, since, before, *last, limit)
        return [ending_link(row, instant) for row in rows]

    async def tell_expiring(self, link: EndingLink, ends_at: datetime, source: Source) -> bool:
        at_link = (*key_parameters(link.key), link.version)
        asked = (*at_link, ends_at, source, link.told)
        return bool(await self._connections.write(statements.TELL_EXPIRING, *asked))

    async def counts(self) -> OutboxCounts:
        return outbox_counts((await self._connections.read(statements.COUNTS))[0], instant)

    async def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        rows = await self._connections.read(statements.DEAD_LETTERS, after, limit)
        return [dead_letter(row, instant) for row in rows]

    async def requeue(self, numbers: Collection[int] | None = None) -> int:
        return len(await self._connections.write(statements.REQUEUE, _chosen(numbers)))

    async def discard(self, numbers: Collection[int] | None = None) -> int:
        return len(await self._connections.write(statements.DISCARD, _chosen(numbers)))

    async def _missing(self) -> list[str]:
        rows = await self._connections.read(statements.MISSING_TRIGGERS, list(TRIGGERS))
        return [row[0] for row in rows]


def _chosen(numbers: Collection[int] | None) -> list[str] | None:
    return None if numbers is None else [*map(str, sorted(numbers))]
