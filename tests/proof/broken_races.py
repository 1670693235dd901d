"""Stores with one bug each: checks and writes with a gap between them, and callers who share too much.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from typing import Any

import attrs

from extauth import LinkKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Claimed, Recorded, Saved
from tests.proof.breakable_store import HealthyStore, broken


@broken("save", "test_one_of_many_saves_wins")
class SaveReadsThenWrites(HealthyStore):
    """The version is compared in one statement and written in another."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        if row is None or row.link.version != version:
            return await super().save(key, version, tokens, origin=origin, written_at=written_at)
        await asyncio.sleep(0)
        link = attrs.evolve(row.link, tokens=tokens, version=version + 1, failure=None)
        self._write(key, type(row)(link))
        return Saved(link)


@broken("save", "test_writes_of_many_links_at_once_keep_apart")
class AnswersMixedUp(HealthyStore):
    """Saves that are carried out together are answered in another order."""

    async def save(self, key, version, tokens, **options):
        answers = vars(self).setdefault("answers", [])
        answers.append(await super().save(key, version, tokens, **options))
        await asyncio.sleep(0)
        return answers.pop()


@broken("record_failure", "test_a_save_among_marks_wins")
class MarkReadsThenWrites(HealthyStore):
    """The loser looks, the winner saves, the loser marks."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        if row is None or row.link.version != version or failure.version != version:
            return await super().record_failure(key, version, failure, written_at=written_at)
        await asyncio.sleep(0)
        row = self.row(key, link=attrs.evolve(self._rows[key].link, failure=failure))
        return Recorded(row.seen_at(self._now()))


@broken("record_failure", "test_a_cancelled_mark_can_be_repeated")
class MarkInTwoSteps(HealthyStore):
    """First that it failed, then when: a cancelled mark is half a mark."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        if row is not None and row.link.version == version == failure.version:
            half = attrs.evolve(failure, attempts=0)
            await super().record_failure(key, version, half)
            await asyncio.sleep(0)
        return await super().record_failure(key, version, failure, written_at=written_at)


@broken("record_failure", "test_marks_come_back")
class MarkWithoutCount(HealthyStore):
    """How many attempts have failed is not kept: the cool-down never grows."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        return await super().record_failure(key, version, attrs.evolve(failure, attempts=1))


@broken("put", "test_a_cancelled_delete_is_all_or_nothing")
class DeleteInTwoSteps(HealthyStore):
    """The row goes first and its version is remembered next: cancelled in between, the version comes back."""

    async def delete(self, key):
        row = self._rows.pop(key, None)
        if row is None:
            return None
        self._tell(key)
        await asyncio.sleep(0)
        self._retired_version = max(self._retired_version, row.link.version)
        return row.seen_at(self._now())


@broken("get", "test_reads_see_writes_that_returned_before")
class JoinsAQueryUnderWay(HealthyStore):
    """A read is answered by a query that was sent before it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: dict[LinkKey, asyncio.Future[Any]] = {}

    async def get(self, key):
        if key in self.queries:
            return await asyncio.shield(self.queries[key])
        query = self.queries[key] = asyncio.get_running_loop().create_future()
        link = await super().get(key)
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            query.set_result(link)
            del self.queries[key]
        return link


@broken("claim", "test_a_claim_returns_what_was_written_last")
class ClaimOfWhatWasRead(HealthyStore):
    """A claim returns the link as it was last read: the token in it may be used up."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[LinkKey, Any] = {}

    async def get(self, key):
        self.read[key] = link = await super().get(key)
        return link

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        if isinstance(outcome, Claimed) and self.read.get(key):
            return attrs.evolve(outcome, link=self.read[key])
        return outcome


@broken("save", "test_writes_tell_similar_ids_apart")
class SaveForLookalikes(HealthyStore):
    """A save for alice is one for ALICE."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        for other in self._rows:
            if other != key and other.user_id.casefold() == key.user_id.casefold():
                self.row(other, link=attrs.evolve(self._rows[other].link, tokens=tokens))
        return outcome


@broken("save", "test_a_cancelled_write_takes_nobody_along")
class SavesInOneTransaction(HealthyStore):
    """Simultaneous saves share a transaction: cancelling one rolls all back."""

    batch: asyncio.Task[None] | None = None

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        if self.batch is None or self.batch.done():
            self.batch = asyncio.create_task(asyncio.sleep(0))
        await self.batch
        return await MemoryLinkStore.save(self, key, version, tokens)


@broken("due", "test_due_comes_page_by_page")
class DueListsTwice(HealthyStore):
    """A join of links and something of which they have two."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        return sorted(found + found)


@broken("claim", "test_one_of_many_claims_wins")
class ClaimReadsThenWrites(HealthyStore):
    """The lease is looked at in one statement and taken in another."""

    async def claim(self, key, version, owner, ttl, **takeover):
        row = self._rows.get(key)
        free = row is not None and row.link.version == version and row.lease is None
        await asyncio.sleep(0)
        if free and key in self._rows and ttl > timedelta(0):
            self.row(key, lease=None)
        return await super().claim(key, version, owner, ttl, **takeover)


@broken("claim", "test_one_claim_of_many_replicas_wins")
class LeaseInTheProcess(HealthyStore):
    """Leases are kept in the store object: each replica has its own."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: dict[Any, Any] = {}

    def another(self):
        twin = copy.copy(self)
        twin.leases = {}
        return twin

    async def claim(self, key, version, owner, ttl):
        row = self._rows.get(key)
        if row is not None and row.link.version == version:
            self.row(key, lease=self.leases.get((key, version)))
        outcome = await super().claim(key, version, owner, ttl)
        if isinstance(outcome, Claimed):
            self.leases[key, version] = self._rows[key].lease
        return outcome
