"""The outbox of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import datetime, timedelta
from typing import final
from uuid import uuid4

import attrs

from extauth.adapters.memory.rows import Row
from extauth.domain.health import Lifetimes, Source
from extauth.domain.link import Link, LinkKey
from extauth.domain.outbox import (
    LISTENING,
    ClaimedEvent,
    DeadLetter,
    EndingLink,
    LinkBroken,
    LinkEvent,
    LinkExpiring,
    LinkRecovered,
    OutboxCounts,
    StoredEvent,
    checked_event_claim,
)
from extauth.one_loop import OneLoop, on_one_loop


@final
@attrs.frozen
class _Entry:
    number: int
    event: LinkEvent
    due_at: datetime
    attempts: int = 0
    owner: str | None = None
    leased_until: datetime | None = None
    code: str = ""
    dead_at: datetime | None = None


def _is_broken(link: Link) -> bool:
    mark = link.current_failure
    return mark is not None and mark.permanent


@final
@on_one_loop
class MemoryOutbox:
    """An :class:`~extauth.domain.outbox.Outbox` beside the links, which tells it of what it writes."""

    def __init__(
        self, now: Callable[[], datetime], rows: Callable[[], Mapping[LinkKey, Row]], home: OneLoop
    ) -> None:
        self._now = now
        self._rows = rows
        self._home = home
        self._until: datetime | None = None
        """Until when events are written; None as long as nobody has asked for them."""
        self._entries: dict[int, _Entry] = {}
        """By number, which is their order."""
        self._last = 0
        self._told: dict[LinkKey, datetime] = {}

    def changed(self, before: Row | None, after: Row) -> None:
        """Write what a write of a link means, in the same step."""
        if before is None or not self._listening():
            return
        link = after.link
        broken = _is_broken(link)
        if broken == _is_broken(before.link):
            return
        written = StoredEvent(
            id=uuid4().hex,
            type=LinkBroken.type if broken else LinkRecovered.type,
            key=link.key,
            version=link.version,
            at=self._now(),
            detail=link.failure.reason if broken and link.failure is not None else None,
            ends_at=None,
        )
        self._add(written.event())

    def removed(self, key: LinkKey) -> None:
        """Forget the events of a link that is removed."""
        self._told.pop(key, None)
        for number in [entry.number for entry in self._entries.values() if entry.event.key == key]:
            del self._entries[number]

    def state(self) -> Hashable:
        """Return everything that is kept, to compare by value, but for the ids, which are drawn."""
        entries = [
            attrs.evolve(each, event=attrs.evolve(each.event, id="")) for each in self._entries.values()
        ]
        return self._until, tuple(entries), tuple(sorted(self._told.items()))

    async def keep_on(self, span: timedelta = LISTENING) -> None:
        until = self._now() + span
        self._until = until if self._until is None else max(self._until, until)

    async def claim(self, owner: str, ttl: timedelta, *, limit: int) -> list[ClaimedEvent]:
        checked_event_claim(owner, ttl, limit)
        now = self._now()
        oldest: dict[LinkKey, _Entry] = {}
        for entry in sorted(self._entries.values(), key=lambda entry: entry.number):
            if entry.dead_at is None:
                oldest.setdefault(entry.event.key, entry)
        due = [
            entry
            for entry in oldest.values()
            if entry.due_at <= now and (entry.leased_until is None or entry.leased_until <= now)
        ]
        due.sort(key=lambda entry: (entry.due_at, entry.number))
        claimed = [
            attrs.evolve(entry, owner=owner, leased_until=now + ttl, attempts=entry.attempts + 1)
            for entry in due[:limit]
        ]
        self._entries.update((entry.number, entry) for entry in claimed)
        return [ClaimedEvent(entry.number, entry.event, entry.attempts) for entry in claimed]

    async def acknowledge(self, number: int, owner: str) -> bool:
        leased = self._leased(number, owner)
        if leased is not None:
            del self._entries[number]
        return leased is not None

    async def postpone(self, number: int, owner: str, delay: timedelta | None, code: str) -> bool:
        entry = self._leased(number, owner)
        if entry is None:
            return False
        now = self._now()
        self._entries[number] = attrs.evolve(
            entry,
            owner=None,
            leased_until=None,
            code=code,
            due_at=now + (delay or timedelta(0)),
            dead_at=now if delay is None else None,
        )
        return True

    async def ending(
        self, after: EndingLink | None, *, since: datetime, before: datetime, limit: int
    ) -> list[EndingLink]:
        found: list[EndingLink] = []
        for key, row in self._rows().items():
            lifetimes = Lifetimes.of(row.link)
            end = lifetimes.refresh_token_expires_at if lifetimes.refreshable else lifetimes.expires_at
            if end is not None and since <= end <= before and not _is_broken(row.link):
                found.append(EndingLink(key, row.link.version, lifetimes, self._told.get(key), end))
        found.sort(key=_place)
        return [link for link in found if after is None or _place(link) > _place(after)][:limit]

    async def tell_expiring(self, link: EndingLink, ends_at: datetime, source: Source) -> bool:
        row = self._rows().get(link.key)
        if row is None or row.link.version != link.version or _is_broken(row.link):
            return False
        if self._told.get(link.key) != link.told or not self._listening():
            return False
        self._told[link.key] = ends_at
        self._add(
            LinkExpiring(
                id=uuid4().hex,
                key=link.key,
                version=link.version,
                at=self._now(),
                ends_at=ends_at,
                source=source,
            )
        )
        return True

    async def counts(self) -> OutboxCounts:
        waiting = [entry for entry in self._entries.values() if entry.dead_at is None]
        oldest = min((entry.event.at for entry in waiting), default=None)
        return OutboxCounts(len(waiting), len(self._entries) - len(waiting), oldest, self._until)

    async def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        found = sorted((entry for entry in self._dead(None)), key=lambda entry: entry.number)
        return [
            DeadLetter(entry.number, entry.event, entry.attempts, entry.code, entry.dead_at)
            for entry in found
            if entry.number > after and entry.dead_at is not None
        ][:limit]

    async def requeue(self, numbers: Collection[int] | None = None) -> int:
        dead = self._dead(numbers)
        for entry in dead:
            self._entries[entry.number] = attrs.evolve(entry, dead_at=None, attempts=0, due_at=self._now())
        return len(dead)

    async def discard(self, numbers: Collection[int] | None = None) -> int:
        dead = self._dead(numbers)
        for entry in dead:
            del self._entries[entry.number]
        return len(dead)

    def _listening(self) -> bool:
        return self._until is not None and self._now() < self._until

    def _add(self, event: LinkEvent) -> None:
        self._last += 1
        self._entries[self._last] = _Entry(self._last, event, self._now())

    def _leased(self, number: int, owner: str) -> _Entry | None:
        entry = self._entries.get(number)
        return entry if entry is not None and entry.owner == owner and entry.dead_at is None else None

    def _dead(self, numbers: Collection[int] | None) -> list[_Entry]:
        return [
            entry
            for entry in self._entries.values()
            if entry.dead_at is not None and (numbers is None or entry.number in numbers)
        ]


def _place(link: EndingLink) -> tuple[datetime, LinkKey]:
    return link.ends_at, link.key
