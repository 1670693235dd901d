"""Broken stores for the explorer and the races: memory stores, each with one mistake."""

from __future__ import annotations

import attrs

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.link import Link
from extauth.domain.outcomes import Absent, Claimed, Saved, Stale


class Store:
    """A memory store whose every method a subclass may spoil."""

    def __init__(self, clock):
        self.inner = MemoryLinkStore(now=clock.now)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        pass

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def change(self, key, **changes):
        """Change what is kept beside a link."""
        self.inner._rows[key] = attrs.evolve(self.inner._rows[key], **changes)

    def move_on(self, key):
        """Move a link's version."""
        link = self.inner._rows[key].link
        self.change(key, link=attrs.evolve(link, version=link.version + 1))


class NoVersionInSave(Store):
    """A save replaces whatever is stored."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        stored = await self.inner.get(key)
        return Absent() if stored is None else await self.inner.save(key, stored.version, tokens)


class SaveByUpsert(Store):
    """A save makes the link where there is none."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        outcome = await self.inner.save(key, version, tokens)
        return Saved(await self.inner.put(key, tokens)) if isinstance(outcome, Absent) else outcome


class FailureClears(Store):
    """A failure erases the refresh token."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await self.inner.record_failure(key, version, failure)
        if not isinstance(outcome, Stale | Absent):
            bare = attrs.evolve(outcome.link.tokens, refresh_token=None)
            self.change(key, link=attrs.evolve(self.inner._rows[key].link, tokens=bare))
        return outcome


class FailureMovesVersion(Store):
    """A failure moves the version."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await self.inner.record_failure(key, version, failure)
        if not isinstance(outcome, Stale | Absent):
            self.move_on(key)
        return outcome


class FailureOfAnyVersion(Store):
    """A failure of one version marks whatever is stored."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await self.inner.record_failure(key, version, failure)
        if isinstance(outcome, Stale):
            self.change(key, link=attrs.evolve(self.inner._rows[key].link, failure=failure))
        return outcome


class ResealMovesVersion(Store):
    """A re-encryption moves the version."""

    async def reseal(self, key, version, tokens):
        outcome = await self.inner.reseal(key, version, tokens)
        if not isinstance(outcome, Stale | Absent):
            self.move_on(key)
        return outcome


class ResealDropsLease(Store):
    """A re-encryption drops the lease."""

    async def reseal(self, key, version, tokens):
        outcome = await self.inner.reseal(key, version, tokens)
        if not isinstance(outcome, Stale | Absent):
            self.change(key, lease=None)
        return outcome


class LeaseIgnored(Store):
    """Anybody gets the lease."""

    async def claim(self, key, version, owner, ttl):
        if key in self.inner._rows:
            self.change(key, lease=None)
        return await self.inner.claim(key, version, owner, ttl)


class ClaimOfAnyVersion(Store):
    """A claim of an old version gets the lease on the newer one."""

    async def claim(self, key, version, owner, ttl):
        stored = await self.inner.get(key)
        return Absent() if stored is None else await self.inner.claim(key, stored.version, owner, ttl)


class LapseUnreported(Store):
    """Who claims after a lapsed lease is not told that there was one."""

    async def claim(self, key, version, owner, ttl):
        outcome = await self.inner.claim(key, version, owner, ttl)
        return attrs.evolve(outcome, unresolved_for=None) if isinstance(outcome, Claimed) else outcome


class VersionsRestart(Store):
    """A link that is made anew begins at version 1 again."""

    async def delete(self, key):
        link: Link | None = await self.inner.delete(key)
        self.inner._retired_version = 0
        return link
