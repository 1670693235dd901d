"""Stores with one bug each: reads and sweeps that mislead.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import attrs

from extauth import Link, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.due import DueBy
from tests.proof.breakable_store import HealthyStore, broken


class CachingStore(HealthyStore):
    """Keeps what it has read."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: dict[Any, Any] = {}


@broken("get", "test_get_sees_every_kind_of_write")
class StaleCache(CachingStore):
    """A mark is not seen until the next save."""

    async def get(self, key):
        link = await super().get(key)
        cached = self.cache.get(key)
        if link is not None and cached is not None and cached.version == link.version:
            return cached
        self.cache[key] = link
        return link


@broken("get", "test_a_replica_sees_what_another_wrote")
class CacheOfOwnWrites(CachingStore):
    """The cache is emptied by writes of this store object, not by those of others."""

    patience = timedelta(milliseconds=500)

    def another(self):
        twin = type(self)()
        twin._table, twin._changes = self._table, self._changes
        return twin

    async def get(self, key):
        if key not in self.cache:
            self.cache[key] = await super().get(key)
        return self.cache[key]

    def _tell(self, key):
        self.cache.pop(key, None)
        super()._tell(key)


@broken("get", "test_simultaneous_reads_get_their_own_links")
class ReadsMixedUp(HealthyStore):
    """Reads share one round trip, and the answers are handed out in the wrong order."""

    async def get(self, key):
        self.__dict__["asked"] = key
        await asyncio.sleep(0)
        return await super().get(self.__dict__["asked"])


@broken("get", "test_a_cancelled_read_takes_nobody_along")
class SharedRead(HealthyStore):
    """Readers await one task: the first to be cancelled cancels it for all."""

    shared: asyncio.Task[Any] | None = None

    async def get(self, key):
        async def read():
            await asyncio.sleep(0)
            return await MemoryLinkStore.get(self, key)

        if self.shared is None or self.shared.done():
            self.shared = asyncio.create_task(read())
        return await self.shared


@broken("links_of", "test_links_of_a_user_are_ordered_by_provider")
class LinksUnsorted(HealthyStore):
    """Links come in the order in which they were made."""

    async def links_of(self, user_id):
        return [self._seen(key) for key in self._rows if key.user_id == user_id]


@broken("links_of", "test_links_of_a_user_are_ordered_by_provider")
class LinksOfOthers(HealthyStore):
    """LIKE instead of =: another user's links are listed."""

    async def links_of(self, user_id):
        return [self._seen(key) for key in sorted(self._rows) if user_id in (key.user_id, key.provider_id)]


@broken("links_of", "test_links_of_a_user_are_ordered_by_provider")
class LinksByLocale(HealthyStore):
    """A collation of some language, not code points, decides the order."""

    async def links_of(self, user_id):
        links = await super().links_of(user_id)
        return sorted(links, key=lambda link: link.key.provider_id.casefold())


@broken("due", "test_due_by_age")
class DueSkipsUnknownExpiry(HealthyStore):
    """NULL < limit is not true: links without an expiry are never kept alive."""

    async def due(self, provider_id, by, before, **narrow):
        return [
            due
            for due in await super().due(provider_id, by, before, **narrow)
            if self._rows[due.key].link.tokens.expires_at is not None
        ]


@broken("due", "test_dead_links_are_not_due")
class DueListsDeadLinks(HealthyStore):
    """Upkeep presents rejected tokens for ever."""

    async def due(self, provider_id, by, before, **narrow):
        marks = {key: row.link.failure for key, row in self._rows.items()}
        for key, mark in marks.items():
            if mark is not None and mark.permanent:
                self.row(key, link=attrs.evolve(self._rows[key].link, failure=None))
        found = await super().due(provider_id, by, before, **narrow)
        for key, mark in marks.items():
            self.row(key, link=attrs.evolve(self._rows[key].link, failure=mark))
        return found


@broken("due", "test_dead_links_are_not_due")
class DueSkipsFailedLinks(HealthyStore):
    """One time-out, and upkeep never looks at the link again."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        return [due for due in found if self._rows[due.key].link.failure is None]


@broken("due", "test_a_link_that_failed_is_due_when_it_may_be_tried")
class DueListsFailedLinksFirst(HealthyStore):
    """Links that wait for their next try stand before all others, page after page."""

    async def due(self, provider_id, by, before, **narrow):
        rows = {**self._rows}
        for key, row in rows.items():
            if row.link.failure is not None and not row.link.failure.permanent:
                self._rows[key] = attrs.evolve(row, link=attrs.evolve(row.link, failure=None))
        found = await super().due(provider_id, by, before, **narrow)
        self._rows = rows
        return found


@broken("due", "test_due_finds_what_expires_before_the_limit")
class DueAtTheLimit(HealthyStore):
    """What expires at the limit is taken as before it."""

    async def due(self, provider_id, by, before, **narrow):
        return await super().due(provider_id, by, before + timedelta(microseconds=1), **narrow)


@broken("due", "test_due_covers_a_family")
class DueOfAllProviders(HealthyStore):
    """Upkeep of one provider gets the links of all."""

    async def due(self, provider_id, by, before, **narrow):
        providers = sorted({key.provider_id for key in self._rows})
        return [due for each in providers for due in await super().due(each, by, before, **narrow)]


@broken("due", "test_a_refresh_token_that_outlived_its_end")
class DueByAnEndOfThePast(HealthyStore):
    """A refresh token that outlived its end is refreshed in every sweep."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        past = [due for due in found if self._rows[due.key].link.tokens.refresh_token_expires_at]
        if by is DueBy.AGE:
            return [due for due in found if due not in past]
        return found


@broken("due", "test_due_by_half_life")
class DueAtTheEnd(HealthyStore):
    """Kept alive when the refresh token stops working, and not before."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        if by is not DueBy.HALF_LIFE:
            return found
        return [
            attrs.evolve(due, at=self._rows[due.key].link.tokens.refresh_token_expires_at) for due in found
        ]


@broken("due", "test_due_comes_page_by_page")
class DueRepeats(HealthyStore):
    """Each page begins with the last of the page before."""

    async def due(self, provider_id, by, before, *, after=None, **narrow):
        if after is not None:
            after = attrs.evolve(after, key=attrs.evolve(after.key, user_id=after.key.user_id[:-1] or "!"))
        return await super().due(provider_id, by, before, after=after, **narrow)


@broken("due", "test_due_comes_page_by_page")
class DueAfterAnInstant(HealthyStore):
    """Each page begins later than the last: whoever is due at the same moment is missed."""

    async def due(self, provider_id, by, before, *, after=None, limit=100):
        found = await super().due(provider_id, by, before, limit=len(self._rows) or 1)
        return [due for due in found if after is None or due.at > after.at][:limit]


@broken("due", "test_pages_go_on_through_time")
class DueAfterAKey(HealthyStore):
    """Each page begins behind the last key: whoever is due later and named earlier is missed."""

    async def due(self, provider_id, by, before, *, after=None, limit=100):
        found = await super().due(provider_id, by, before, limit=len(self._rows) or 1)
        return [due for due in found if after is None or due.key > after.key][:limit]


@broken("due", "test_due_is_a_hundred_at_most_by_default")
class DueWithoutLimit(HealthyStore):
    """Leaving the limit out loads the whole table."""

    async def due(self, provider_id, by, before, *, limit=10**6, **narrow):
        return await super().due(provider_id, by, before, limit=limit, **narrow)


@broken("get", "test_get_of_nothing_is_none")
class GetNeverNone(HealthyStore):
    """A link that is not there reads as one with nothing in it."""

    async def get(self, key):
        now = self._now()
        return await super().get(key) or Link(key, TokenSet("none"), 1, now, now)


@broken("get", "test_get_returns_what_put_returned")
class GetWithoutOrigin(HealthyStore):
    """The query by key leaves a column out."""

    async def get(self, key):
        link = await super().get(key)
        return link and attrs.evolve(link, origin=None)


@broken("links_of", "test_links_of_shows_marks")
class LinksWithoutMarks(HealthyStore):
    """The query by user leaves columns out: dead links are listed as good."""

    async def links_of(self, user_id):
        return [attrs.evolve(link, failure=None) for link in await super().links_of(user_id)]


@broken("get", "test_pending_says_whether_a_lease_is_live")
class PendingNeverLive(HealthyStore):
    """Whether the lease is live is only known to a claim: every exchange looks like a crash."""

    async def get(self, key):
        link = await super().get(key)
        if link is not None and link.pending is not None:
            return attrs.evolve(link, pending=attrs.evolve(link.pending, live=False))
        return link


@broken("get", "test_an_unreadable_link_fails_its_own_readers_alone")
class AllReadOrNone(HealthyStore):
    """Reads share one round trip, and one row that cannot be read fails them all."""

    async def get(self, key):
        for spoilt in self.spoilt:
            await super().get(spoilt)
        return await super().get(key)


@broken("links_of", "test_a_list_with_an_unreadable_link_fails")
class ShortenedList(HealthyStore):
    """What cannot be read is not there."""

    async def links_of(self, user_id):
        links = await MemoryLinkStore.links_of(self, user_id)
        return [link for link in links if not self.unreadable(link.key)]


@broken("due", "test_due_goes_on_beyond_an_unreadable_link")
class SweepThatEndsEarly(HealthyStore):
    """A page that only an unreadable link is on is empty, as the last one is."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        return [due for due in found if not self.unreadable(due.key)]


@broken("put", "test_an_unreadable_link_can_be_replaced")
class UnreadableForEver(HealthyStore):
    """A link that cannot be read is looked at before it is replaced."""

    async def put(self, key, tokens, *, origin=None):
        if self.unreadable(key):
            await self.get(key)
        return await super().put(key, tokens, origin=origin)
