"""The outbox in SQLite, for :class:`SqliteLinkStore`."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import final

from extauth.adapters.sql.conditional_writes import swallowed
from extauth.adapters.sql.outbox_rows import claimed_events, dead_letter, ending_link, outbox_counts
from extauth.adapters.sqlite import outbox_statements as statements
from extauth.adapters.sqlite.linking import Execute
from extauth.adapters.sqlite.outbox_schema import TRIGGERS
from extauth.adapters.sqlite.row import instant_from_micros, instant_to_micros
from extauth.adapters.sqlite.rows import key_parameters, micros
from extauth.adapters.sqlite.unseen import Parameters
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


@final
@on_one_loop
class SqliteOutbox:
    """An :class:`~extauth.domain.outbox.Outbox` beside the links."""

    def __init__(self, execute: Execute, home: OneLoop) -> None:
        self._execute = execute
        self._home = home

    async def keep_on(self, span: timedelta = LISTENING) -> None:
        for trigger in TRIGGERS:
            await self._execute(trigger, Parameters())
        if not await self._execute(statements.KEEP_ON, Parameters(span=micros(span))):
            raise swallowed()

    async def claim(self, owner: str, ttl: timedelta, *, limit: int) -> list[ClaimedEvent]:
        checked_event_claim(owner, ttl, limit)
        asked = Parameters(owner=owner, ttl=micros(ttl), limit=limit)
        return claimed_events(await self._execute(statements.CLAIM, asked), instant_from_micros)

    async def acknowledge(self, number: int, owner: str) -> bool:
        return bool(await self._execute(statements.ACKNOWLEDGE, Parameters(number=number, owner=owner)))

    async def postpone(self, number: int, owner: str, delay: timedelta | None, code: str) -> bool:
        delayed = None if delay is None else micros(delay)
        asked = Parameters(number=number, owner=owner, delay=delayed, code=code)
        return bool(await self._execute(statements.POSTPONE, asked))

    async def ending(
        self, after: EndingLink | None, *, since: datetime, before: datetime, limit: int
    ) -> list[EndingLink]:
        asked = Parameters(
            since=instant_to_micros(since),
            before=instant_to_micros(before),
            after=instant_to_micros(since if after is None else after.ends_at),
            after_provider="" if after is None else after.key.provider_id,
            after_user="" if after is None else after.key.user_id,
            limit=limit,
        )
        rows = await self._execute(statements.ENDING_LINKS, asked)
        return [ending_link(row, instant_from_micros) for row in rows]

    async def tell_expiring(self, link: EndingLink, ends_at: datetime, source: Source) -> bool:
        asked = Parameters(
            {
                **key_parameters(link.key),
                "version": link.version,
                "told": instant_to_micros(link.told),
                "ends_at": instant_to_micros(ends_at),
                "source": source,
            }
        )
        return bool(await self._execute(statements.TELL_EXPIRING, asked))

    async def counts(self) -> OutboxCounts:
        rows = await self._execute(statements.COUNTS, Parameters())
        return outbox_counts(rows[0], instant_from_micros)

    async def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        rows = await self._execute(statements.DEAD_LETTERS, Parameters(after=after, limit=limit))
        return [dead_letter(row, instant_from_micros) for row in rows]

    async def requeue(self, numbers: Collection[int] | None = None) -> int:
        return len(await self._execute(statements.REQUEUE, _chosen(numbers)))

    async def discard(self, numbers: Collection[int] | None = None) -> int:
        return len(await self._execute(statements.DISCARD, _chosen(numbers)))


def _chosen(numbers: Collection[int] | None) -> Parameters:
    return Parameters(numbers=None if numbers is None else json.dumps(sorted(numbers)))
