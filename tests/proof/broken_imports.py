"""Stores with one bug each: imports that overwrite, repeat or forget.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import attrs

from extauth import StoreUnavailable
from extauth.domain.imports import Added, AlreadyThere
from tests.proof.breakable_store import HealthyStore, broken


class _Importing(HealthyStore):
    """Its imports are methods of its own, to be broken."""

    imports: Any

    def __init__(self) -> None:
        super().__init__()
        self.healthy = self.imports
        self.imports = self

    async def add(self, link):
        return await self.healthy.add(link)

    async def keys(self, **narrow):
        return await self.healthy.keys(**narrow)


@broken("add", "test_an_imported_link_is_added_whole")
class ImportIsPutThenMarked(_Importing):
    """Without its mark at first, and for good without its account and its times."""

    async def add(self, link):
        if link.key in self._rows:
            return AlreadyThere()
        put = await self.put(link.key, link.tokens, origin=link.origin)
        if link.failure is not None:
            failure = attrs.evolve(link.failure, version=put.version)
            await self.record_failure(link.key, put.version, failure)
        return Added(put.version)


@broken("add", "test_the_least_of_an_import_is_like_a_put")
class ImportFromTheBeginningOfTime(_Importing):
    """What has no time is taken to be as old as can be: upkeep thinks it idle."""

    async def add(self, link):
        outcome = await super().add(link)
        if isinstance(outcome, Added) and link.updated_at is None:
            long_ago = self._now().replace(year=1970)
            self.row(link.key, link=attrs.evolve(self._rows[link.key].link, created_at=long_ago))
        return outcome


@broken("add", "test_an_import_overwrites_nothing")
class ImportWins(_Importing):
    """Old tokens take the place of those that the user has authorized here."""

    async def add(self, link):
        self._rows.pop(link.key, None)
        return await super().add(link)


@broken("add", "test_an_import_can_be_repeated")
class ImportIsAddedTwice(_Importing):
    """Equal tokens are not taken for a link that is there."""

    async def add(self, link):
        row = self._rows.get(link.key)
        return Added(row.link.version) if row and row.link.tokens == link.tokens else await super().add(link)


@broken("add", "test_an_import_never_repeats_a_version")
class ImportBeginsAtOne(_Importing):
    """A late save of before the unlink hits the imported link."""

    async def add(self, link):
        outcome = await super().add(link)
        if isinstance(outcome, Added):
            self.row(link.key, link=attrs.evolve(self._rows[link.key].link, version=1))
            return Added(1)
        return outcome


@broken("add", "test_an_import_keeps_an_unresolved_exchange")
class ImportForgetsExchange(_Importing):
    """A refresh token that may be spent is presented again."""

    async def add(self, link):
        return await super().add(attrs.evolve(link, unresolved_since=None))


@broken("add", "test_one_of_many_imports_wins")
class ImportLooksBeforeItWrites(_Importing):
    """Each of several sees that there is nothing, and writes."""

    async def add(self, link):
        there = link.key in self._rows
        await asyncio.sleep(0)
        if not there:
            self._rows.pop(link.key, None)
        return await super().add(link)


@broken("add", "test_an_authorization_among_imports_wins")
class ImportLooksAndTheUserIsQuicker(ImportLooksBeforeItWrites):
    """The user authorizes between the look and the write."""


@broken("keys", "test_keys_come_page_by_page")
class KeysOfAPrefix(_Importing):
    """Another provider whose name begins alike is taken along."""

    async def keys(self, *, provider_id=None, after=None, limit=1000):
        keys = (key for key in sorted(self._rows) if key.provider_id.startswith(provider_id or ""))
        return [key for key in keys if after is None or key > after][:limit]


@broken("keys", "test_imports_of_a_broken_store_fail")
class NoKeysInAnOutage(_Importing):
    """An outage looks like a store that is empty."""

    async def keys(self, **narrow):
        try:
            return await super().keys(**narrow)
        except StoreUnavailable:
            return []
