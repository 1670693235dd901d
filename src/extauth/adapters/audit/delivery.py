"""Giving entries to a sink in the background: at least once, while no caller waits."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from itertools import islice
from typing import Final, final

import attrs

from extauth.domain.audit import AuditEntry, AuditSink

_log: Final = logging.getLogger("extauth")

MOST_WAITING: Final = 10_000
"""Entries that wait for a sink that does not take them; then new ones are lost, and the log says how many."""

BATCH: Final = 100
PATIENCE: Final = timedelta(seconds=30)
"""For one call of the sink."""

GRACE: Final = timedelta(seconds=10)
"""For all calls of the sink when the store is left."""

_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds after a failure, the last for all further ones."""


@final
class Delivery:
    """Has one task that calls the sink, as long as entries wait. It belongs to one event loop."""

    def __init__(self, sink: AuditSink) -> None:
        self._sink = sink
        self._waiting: deque[AuditEntry] = deque()
        """Added by :meth:`take`; removed by the task once the sink has taken them."""
        self._lost = 0
        """Since the sink last took something."""
        self._task: asyncio.Task[None] | None = None

    def take(self, entries: Sequence[AuditEntry]) -> None:
        """Deliver these, as of now, sooner or later."""
        now = datetime.now(UTC)
        for entry in entries:
            if len(self._waiting) >= MOST_WAITING:
                if not self._lost:
                    _log.critical("the audit sink takes nothing, and entries are lost from now on")
                self._lost += 1
            else:
                self._waiting.append(attrs.evolve(entry, at=now))
        if self._task is None or self._task.done():
            # In a context of its own: what is delivered was written by many.
            delivering = self._deliver()
            self._task = asyncio.get_running_loop().create_task(delivering, context=Context())

    async def aclose(self) -> None:
        """Deliver what waits, for ten seconds at most."""
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=GRACE.total_seconds())
        self._task.cancel()
        if self._waiting:
            _log.critical("%d entries of the audit trail were not delivered and are lost", len(self._waiting))

    async def _deliver(self) -> None:
        failures = 0
        while self._waiting:
            batch = list(islice(self._waiting, BATCH))
            try:
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    writing: object = self._sink.write(batch)
                    if isawaitable(writing):
                        await writing
                    else:  # it has been called, and would write them all again
                        _log.error("the audit sink's write is no async function, and blocks all else")
            except Exception as error:  # noqa: BLE001 - whatever a sink does, its entries stay
                _log.error("the audit sink raised %s; it is asked again", type(error).__name__)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            for _ in batch:
                self._waiting.popleft()
            if self._lost:
                _log.critical("%d entries of the audit trail were lost while the sink took none", self._lost)
                self._lost = 0
