"""Telling whose cancellation a task has just caught."""

from __future__ import annotations

import asyncio


def cancelled_by_caller() -> bool:
    """Whether a ``CancelledError`` just caught is meant for this task.

    Drivers and HTTP clients have tasks of their own. When ``asyncio.run`` ends it cancels all tasks it can
    see, and a task that it cannot see is told of theirs.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
