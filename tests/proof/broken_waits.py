"""Stores with one bug each: waiters that miss the end, or wait for ever.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from typing import Any

from tests.proof.breakable_store import HealthyStore, broken


@broken("wait_for_change", "test_a_save_ends_the_wait")
class WaitReadsBeforeSubscribing(HealthyStore):
    """A save between the look and the subscription is missed."""

    patience = timedelta(milliseconds=500)

    async def wait_for_change(self, key, version, timeout):
        link = self._seen(key)
        if link is None or link.version != version or link.pending is None:
            return link
        await asyncio.sleep(0)
        changed = asyncio.get_running_loop().create_future()
        self._changes.setdefault(key, set()).add(changed)
        try:
            await asyncio.wait({changed}, timeout=timeout.total_seconds())
        finally:
            self._changes[key].discard(changed)
        return self._seen(key)


@broken("wait_for_change", "test_a_lapse_ends_the_wait")
class WaitOnlyForWrites(HealthyStore):
    """A crashed holder writes nothing: its waiters wait as long as they can."""

    patience = timedelta(milliseconds=500)

    async def wait_for_change(self, key, version, timeout):
        row = self._rows.get(key)
        if row is not None and row.lease is not None and row.link.version == version:
            changed = asyncio.get_running_loop().create_future()
            self._changes.setdefault(key, set()).add(changed)
            await asyncio.wait({changed}, timeout=timeout.total_seconds())
        return self._seen(key)


@broken("wait_for_change", "test_time_ends_the_wait")
class WaitNeverEnds(HealthyStore):
    """The time-out is not looked at."""

    patience = timedelta(milliseconds=500)

    async def wait_for_change(self, key, version, timeout):
        return await super().wait_for_change(key, version, timedelta(days=1))


@broken("wait_for_change", "test_time_ends_the_wait")
class WaitRaisesAtItsEnd(HealthyStore):
    """A waiter whose time is up gets an error instead of the link."""

    async def wait_for_change(self, key, version, timeout):
        link = await super().wait_for_change(key, version, timeout)
        if link is not None and link.version == version and link.pending is not None and link.pending.live:
            raise TimeoutError
        return link


@broken("wait_for_change", "test_what_ends_no_exchange_ends_no_wait")
class AnyWriteEndsTheWait(HealthyStore):
    """A loser's mark wakes the waiters, who find the same version."""

    async def wait_for_change(self, key, version, timeout):
        row = self._rows.get(key)
        if (
            row is None
            or row.lease is None
            or row.lease.expires_at <= self._now()
            or row.link.version != version
        ):
            return self._seen(key)
        changed = asyncio.get_running_loop().create_future()
        self._changes.setdefault(key, set()).add(changed)
        left = min(timeout, row.lease.expires_at - self._now())
        await asyncio.wait({changed}, timeout=left.total_seconds())
        self._changes[key].discard(changed)
        return self._seen(key)


@broken("wait_for_change", "test_nothing_to_wait_for")
class WaitNeedsAChange(HealthyStore):
    """What ended before the wait began is waited for all the same."""

    patience = timedelta(milliseconds=500)

    async def wait_for_change(self, key, version, timeout):
        changed = asyncio.get_running_loop().create_future()
        self._changes.setdefault(key, set()).add(changed)
        await asyncio.wait({changed}, timeout=timeout.total_seconds())
        return self._seen(key)


@broken("wait_for_change", "test_another_replicas_end_of_an_exchange_ends_the_wait")
class WaitHearsOnlyItself(HealthyStore):
    """Waiters are woken by writes of their own store object only."""

    patience = timedelta(milliseconds=500)

    def another(self):
        twin = copy.copy(self)
        twin._changes = {}
        return twin


@broken("wait_for_change", "test_waiters_of_many_links_each_get_theirs")
class OneWaitForAll(HealthyStore):
    """Waiters share one wait: cancelling one cancels the others."""

    shared: asyncio.Task[Any] | None = None

    async def wait_for_change(self, key, version, timeout):
        if self.shared is None or self.shared.done():
            self.shared = asyncio.create_task(super().wait_for_change(key, version, timeout))
        return await self.shared


@broken("wait_for_change", "test_waiting_changes_nothing")
class WaitBreaksTheLease(HealthyStore):
    """A waiter that gives up ends the lease it waited for."""

    async def wait_for_change(self, key, version, timeout):
        link = await super().wait_for_change(key, version, timeout)
        if link is not None and link.version == version:
            self.row(key, lease=None)
        return link


class SilentStore(HealthyStore):
    """Some writes don't wake the waiters."""

    patience = timedelta(milliseconds=500)
    silent = False

    def _tell(self, key):
        if not self.silent:
            super()._tell(key)


@broken("wait_for_change", "test_an_authorization_ends_the_wait")
class PutWakesNobody(SilentStore):
    """A new authorization is not told to those who wait for the old grant."""

    async def put(self, key, tokens, *, origin=None):
        self.silent = True
        link = await super().put(key, tokens, origin=origin)
        self.silent = False
        return link


@broken("wait_for_change", "test_an_unlink_ends_the_wait")
class DeleteWakesNobody(SilentStore):
    """Who waits for a link that is gone waits on."""

    async def delete(self, key):
        self.silent = True
        link = await super().delete(key)
        self.silent = False
        return link


@broken("wait_for_change", "test_a_release_ends_the_wait")
class ReleaseWakesNobody(SilentStore):
    """A holder that gave up is waited for until its lease would have lapsed."""

    async def release(self, key, version, owner, *, unresolved=False):
        self.silent = True
        released = await super().release(key, version, owner, unresolved=unresolved)
        self.silent = False
        return released
