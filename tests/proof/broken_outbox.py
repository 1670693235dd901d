"""Outboxes with one bug each, in memory and in both databases, and the contract test that notices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, final

import attrs

from extauth.adapters.memory import outbox as memory
from extauth.adapters.memory.outbox import MemoryOutbox
from extauth.adapters.memory.store import MemoryLinkStore
from extauth.testing import OutboxContract

_Outbox: Any = MemoryOutbox
"""Final, but for those who break it."""

BROKEN: list[type[HealthyOutbox]] = []


def broken(caught_by: str) -> Callable[[Any], Any]:
    """Say of an outbox which contract test was made for its bug."""

    def say(outbox: Any) -> Any:
        outbox.caught_by = caught_by
        BROKEN.append(outbox)
        return outbox

    return say


class HealthyOutbox(_Outbox):  # type: ignore[misc]
    """Nothing is wrong with this one."""

    caught_by = "nothing"


class OutboxContractOn(OutboxContract):
    """The contract on one kind of outbox, to be called without pytest."""

    def __init__(self, kind: type[HealthyOutbox]) -> None:
        self.kind = kind

    @asynccontextmanager
    async def open_store(self):
        self.store: Any = MemoryLinkStore()
        now, home = self.store._now, self.store._home
        self.store.outbox = self.kind(now, lambda: self.store._rows, home)
        yield self.store

    @asynccontextmanager
    async def open_another(self):
        yield self.store


@broken("test_a_permanent_mark_breaks_a_link")
class TriggerMissing(HealthyOutbox):
    """Nothing is written."""

    def changed(self, before, after):
        pass


@broken("test_a_temporary_mark_breaks_nothing")
class OutageTold(HealthyOutbox):
    """Every user of a provider that is down is asked to connect again."""

    def changed(self, before, after):
        mark = after.link.failure
        if mark is not None and not mark.permanent:
            after = attrs.evolve(
                after, link=attrs.evolve(after.link, failure=attrs.evolve(mark, retry_at=None))
            )
        super().changed(before, after)


@broken("test_a_link_breaks_once")
class EveryMarkTold(HealthyOutbox):
    """Whoever has been told is told again."""

    def changed(self, before, after):
        if after.link.failure is not None and before is not None:
            before = attrs.evolve(before, link=attrs.evolve(before.link, failure=None))
        super().changed(before, after)


@broken("test_what_was_not_broken_does_not_recover")
class EveryCureTold(HealthyOutbox):
    """A link recovers from an outage that nobody was told of."""

    def changed(self, before, after):
        mark = before and before.link.failure
        if mark is not None and after.link.failure is None:
            worse = attrs.evolve(mark, retry_at=None)
            before = attrs.evolve(before, link=attrs.evolve(before.link, failure=worse))
        super().changed(before, after)


@broken("test_nothing_is_written_for_nobody")
class AlwaysOn(HealthyOutbox):
    """What nobody reads grows for ever."""

    def _listening(self):
        return True


@broken("test_a_link_that_is_removed_has_no_events")
class RemovedIsTold(HealthyOutbox):
    """A user who has left is asked to come back."""

    def removed(self, key):
        pass


@broken("test_a_crashed_replicas_event_comes_again")
class GoneWhenClaimed(HealthyOutbox):
    """Acknowledged before the handler has seen it: lost with its replica."""

    async def claim(self, owner, ttl, *, limit):
        claimed = await super().claim(owner, ttl, limit=limit)
        for each in claimed:
            del self._entries[each.number]
        return claimed


@broken("test_an_event_is_one_owners")
class LeaseIgnored(HealthyOutbox):
    """Every replica delivers every event."""

    async def claim(self, owner, ttl, *, limit):
        self._entries = {n: attrs.evolve(each, leased_until=None) for n, each in self._entries.items()}
        return await super().claim(owner, ttl, limit=limit)


@broken("test_an_event_is_one_owners")
class AnybodyAcknowledges(HealthyOutbox):
    """A replica that was too slow removes what another one is about to deliver."""

    def _leased(self, number, owner):
        return self._entries.get(number)


@broken("test_the_events_of_a_link_come_one_after_the_other")
class OutOfOrder(HealthyOutbox):
    """Recovered, then broken: the application believes the last."""

    async def claim(self, owner, ttl, *, limit):
        entries, found = self._entries, []
        for number, entry in sorted(entries.items()):
            self._entries = {number: entry}
            found += await super().claim(owner, ttl, limit=limit)
            entries = {**entries, **self._entries}
        self._entries = entries
        return found


@broken("test_a_postponed_event_waits")
class NeverWaits(HealthyOutbox):
    """An endpoint that is down is asked as often as the machine can."""

    async def postpone(self, number, owner, delay, code):
        return await super().postpone(number, owner, delay and timedelta(0), code)


@broken("test_an_event_that_cannot_be_delivered_is_set_aside")
class DeadHoldsUp(HealthyOutbox):
    """One event that nobody takes keeps its link's others back for ever."""

    async def postpone(self, number, owner, delay, code):
        return await super().postpone(number, owner, delay or timedelta(days=9999), code)


@broken("test_one_of_many_tells")
class ToldForgotten(HealthyOutbox):
    """Each look tells of the same end again."""

    async def tell_expiring(self, link, ends_at, source):
        told = await super().tell_expiring(link, ends_at, source)
        self._told.pop(link.key, None)
        return told


@broken("test_what_has_changed_is_not_told")
class OldNewsTold(HealthyOutbox):
    """A user who has just connected again is told to do so."""

    async def tell_expiring(self, link, ends_at, source):
        row = self._rows().get(link.key)
        now = link if row is None else attrs.evolve(link, version=row.link.version)
        return await super().tell_expiring(now, ends_at, source)


@broken("test_broken_links_do_not_end")
class BrokenEnds(HealthyOutbox):
    """A link that has ended is told to end soon."""

    async def ending(self, after, *, since, before, limit):
        healthy, memory._is_broken = memory._is_broken, lambda _: False
        try:
            return await super().ending(after, since=since, before=before, limit=limit)
        finally:
            memory._is_broken = healthy


@final
@attrs.frozen
class Bug:
    """What is replaced by what in the statements or triggers of both databases."""

    name: str
    caught_by: str
    sqlite: tuple[str, str]
    postgres: tuple[str, str]
    trigger: bool = False


def both(name: str, caught_by: str, old: str, new: str, *, trigger: bool = False) -> Bug:
    """Replace the same in both."""
    return Bug(name, caught_by, (old, new), (old, new), trigger)


BUGS = [
    both("no-event", "test_a_permanent_mark_breaks_a_link", "WHEN", "WHEN false AND", trigger=True),
    Bug(
        "temporary-marks-told",
        "test_a_temporary_mark_breaks_nothing",
        ("new.oauth_refresh_failure_retry_at IS NULL", "true"),
        ("NEW.oauth_refresh_failure_retry_at IS NULL", "true"),
        trigger=True,
    ),
    Bug(
        "every-mark-told",
        "test_a_link_breaks_once",
        ("NOT (old.oauth", "(true OR old.oauth"),
        ("NOT (OLD.oauth", "(true OR OLD.oauth"),
        trigger=True,
    ),
    both("lease-ignored", "test_an_event_is_one_owners", "lease_expires_at IS NULL", "true"),
    both(
        "order-ignored",
        "test_the_events_of_a_link_come_one_after_the_other",
        "AND NOT EXISTS (",
        "OR NOT EXISTS (",
    ),
    Bug(
        "anybody-acknowledges",
        "test_an_event_is_one_owners",
        (" AND lease_owner = :owner", ""),
        (" AND lease_owner = $2", " AND $2::text IS NOT NULL"),
    ),
    both(
        "dead-holds-up",
        "test_an_event_that_cannot_be_delivered_is_set_aside",
        " AND earlier.dead_at IS NULL",
        "",
    ),
    Bug(
        "told-twice",
        "test_one_of_many_tells",
        ("outbox_ends_at IS :told", "true"),
        ("outbox_ends_at IS NOT DISTINCT FROM $6", "$6::timestamptz IS NULL"),
    ),
    Bug(
        "old-news-told",
        "test_what_has_changed_is_not_told",
        (" AND version = :version", ""),
        (" AND version = $3", " AND $3::bigint IS NOT NULL"),
    ),
]
