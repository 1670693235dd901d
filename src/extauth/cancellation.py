"""Telling whose cancellation a task has just caught, and keeping away those that never stop."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def cancelled_by_caller() -> bool:
    """Whether a ``CancelledError`` just caught is meant for this task.

    Drivers and HTTP clients have tasks of their own. When ``asyncio.run`` ends it cancels all tasks it can
    see, and a task that it cannot see is told of theirs.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def out_of_reach() -> AbstractContextManager[object]:
    """Return a context in which a scope of anyio's that is cancelled leaves this task alone.

    Such a scope cancels its tasks in each turn of the loop for as long as they are in it, so that the loop
    never sleeps while one of them finishes something. A shield is the one word that anyio takes. ``cancel()``
    by anybody else comes through. Where nobody has imported anyio there is nothing to do.
    """
    anyio: Any = sys.modules.get("anyio")
    scope = getattr(anyio, "CancelScope", None)
    return nullcontext() if scope is None else scope(shield=True)
