"""Which replica a task belongs to, where several replicas share one event loop."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, final


@final
class TaskOwners:
    """Tags each task with the replica whose code, or whose turn, started it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._owners: weakref.WeakKeyDictionary[asyncio.Task[Any], str] = weakref.WeakKeyDictionary()
        self.turn = ""
        """The replica that the present step lets go on."""
        loop.set_task_factory(self._start)  # type: ignore[arg-type]  # typeshed leaves the options out

    def visible(self, replica: str) -> list[asyncio.Task[Any]]:
        """Return the replica's tasks that the end of ``asyncio.run`` would cancel."""
        return [task for task in asyncio.all_tasks(self._loop) if self._owners.get(task) == replica]

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        *,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, context=context, **options)
        starter = asyncio.current_task(loop)
        owner = None if starter is None else self._owners.get(starter)
        self._owners[task] = owner or self.turn
        return task
