"""Reads asked for at the same moment share one round trip.

A read that is asked for while a query is on its way waits for the next query, together with all others
that came meanwhile. It never joins a query already sent: that one may have run before a write which the
caller has seen return, and a caller must read its own writes.

When nothing is on its way the caller runs the query itself, so a lone read costs no task and no future.

Reads that share a query share no fate: a value that cannot be read is an error for those who asked for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar, final

from extauth.domain.errors import LinkUnreadable, StoreUnavailable

K = TypeVar("K")
V = TypeVar("V")

MAX_BATCH = 500
"""Most keys in one query: bounds the memory of a reply, and SQLite's count of parameters."""


@final
class BatchedReads(Generic[K, V]):
    """Turns concurrent reads by key into few calls of ``fetch``, of which one runs at a time.

    ``fetch`` is given distinct keys and returns what it found, with an error in the place of a value that
    cannot be read. A cancelled caller takes nobody along.
    """

    def __init__(self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V | LinkUnreadable]]]) -> None:
        self._fetch = fetch
        self._busy = False
        """Whether a query is on its way; set by the caller or the task that sends it."""
        self._waiting: dict[K, list[asyncio.Future[V | LinkUnreadable | None]]] = {}
        """Who asked while a query was on its way; taken whole for the next one."""
        self._draining: asyncio.Task[None] | None = None
        """Strong reference to the task that serves those who wait."""

    async def get(self, key: K) -> V | None:
        """Return what ``fetch`` finds for the key, or None.

        :raises LinkUnreadable: if what it finds cannot be read.
        """
        if self._busy:
            found = await self._join(key)
        else:
            self._busy = True
            try:
                found = (await self._fetch((key,))).get(key)
            finally:
                self._serve_the_waiting()
        if isinstance(found, LinkUnreadable):
            # Many may have asked: each gets the error with a traceback of its own.
            raise LinkUnreadable(str(found), key=found.key)
        return found

    async def get_many(self, keys: Iterable[K]) -> dict[K, V | LinkUnreadable]:
        """Return what ``fetch`` finds for the keys; the others are missing from the result."""
        asked = {key: self._join(key) for key in keys}
        if not self._busy:
            self._serve_the_waiting()
        found = await asyncio.gather(*asked.values())
        return {key: value for key, value in zip(asked, found, strict=True) if value is not None}

    def _join(self, key: K) -> asyncio.Future[V | LinkUnreadable | None]:
        waiter: asyncio.Future[V | LinkUnreadable | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        return waiter

    def _serve_the_waiting(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        batch: dict[K, list[asyncio.Future[V | LinkUnreadable | None]]] = {}
        try:
            while self._waiting:
                batch = self._take()
                try:
                    found = await self._fetch(tuple(batch))
                except Exception as error:  # noqa: BLE001 - whoever waits gets it
                    _fail(batch, error)
                else:
                    for key, waiters in batch.items():
                        value = found.get(key)
                        for waiter in waiters:
                            if not waiter.done():
                                waiter.set_result(value)
                # Many of those just served ask for the next link at once: let them, and take them together.
                # One alone is better served as a lone read.
                if len(batch) > 1:
                    await asyncio.sleep(0)
        finally:
            # Anything left here means that this task itself is being cancelled.
            interrupted = StoreUnavailable("the read was interrupted")
            _fail(batch, interrupted)
            _fail(self._waiting, interrupted)
            self._waiting = {}
            self._busy = False

    def _take(self) -> dict[K, list[asyncio.Future[V | LinkUnreadable | None]]]:
        if len(self._waiting) <= MAX_BATCH:
            batch, self._waiting = self._waiting, {}
            return batch
        return {key: self._waiting.pop(key) for key in list(self._waiting)[:MAX_BATCH]}


def _fail(batch: Mapping[K, list[asyncio.Future[V]]], error: Exception) -> None:
    for waiters in batch.values():
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)
