"""Tasks that ``asyncio.run`` does not cancel when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()
"""Strong references; added here, removed by each task as it ends. The loop itself holds none."""


def start_protected(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task that ``asyncio.run`` doesn't cancel when it ends, in the caller's context.

    Some visible task must wait for what it does, or the loop may end under it.
    """
    # Made directly: a loop's task factory may be eager, or return something that cannot be hidden.
    task = asyncio.Task(coroutine, loop=asyncio.get_running_loop())
    asyncio._unregister_task(task)  # noqa: SLF001 - documented for authors of task classes
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task
