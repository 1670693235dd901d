"""Running something to its end whatever happens to whoever waits for it.

``asyncio.run`` ends by cancelling every task that ``asyncio.all_tasks`` shows and then waiting for them.
A task that must not be interrupted between a provider's rotation and the save therefore runs out of that
sight, by asyncio's documented extension API (https://docs.python.org/3/library/asyncio-extending.html),
while a visible task waits for it and puts its own cancellation off: the loop keeps running as long as the
visible one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from extauth.cancellation import out_of_reach
from extauth.unswept import start_protected

__all__ = ["defer_cancellation", "start_protected"]

T = TypeVar("T")


async def defer_cancellation(task: asyncio.Task[T], on_cancel: Callable[[], None] = lambda: None) -> T:
    """Wait for ``task`` to its end even if cancelled, and return its result or raise its exception.

    A cancellation of the waiter is put off: ``on_cancel`` is told at once, and the cancellation raised when
    the task has ended, whose outcome is then dropped. Repeated cancellations change nothing more.
    """
    cancelled: asyncio.CancelledError | None = None
    shield: AbstractContextManager[object] = nullcontext()
    while not task.done():
        try:
            with shield:
                await _ended(task)
        except asyncio.CancelledError as error:
            cancelled = error
            on_cancel()
            shield = out_of_reach()
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # consume it
    try:
        raise cancelled
    finally:
        # Else the error would be kept alive by its own traceback, through this frame.
        del cancelled


async def _ended(task: asyncio.Task[Any]) -> None:
    """Wait until it has ended, as ``asyncio.wait`` does for many. Cancelling this ends the wait alone."""
    waiter = asyncio.get_running_loop().create_future()

    def wake(_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        task.remove_done_callback(wake)
