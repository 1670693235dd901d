"""Keeping to one event loop of one process, and saying so at once where another one comes.

Futures, tasks and connections belong to the loop that they were made on. On another they hang, or work until
the first one that has to be waited for, perhaps an hour later. A forked process has copies of all of them: of
sockets that the parent goes on using, and of threads that are not there.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, final

_T = TypeVar("_T")

_process = object()
"""Stands for this process; another one in each that is forked from it. Cheaper to compare than a pid."""


def _forked() -> None:
    global _process  # noqa: PLW0603 - there is one process
    _process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@final
class OneLoop:
    """The event loop that its owner serves: the one that it is entered on, or else first used on.

    ``owner`` is what the error calls it. With ``goes_over`` the owner has nothing of the loop while it is not
    in use: when that loop is closed it goes over to the next, and is told.
    """

    __slots__ = ("_goes_over", "_loop", "_owner", "_process")

    def __init__(self, owner: str, *, goes_over: Callable[[], None] | None = None) -> None:
        self._owner = owner
        self._goes_over = goes_over
        self._loop: asyncio.AbstractEventLoop | None = None
        """Held strongly: no later one is taken for it. Set, as what follows, by the first :meth:`check`."""
        self._process: object = None

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running loop if it is the owner's, or becomes it now.

        :raises RuntimeError: on another one, in a forked process, and where none runs.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # after a fork there is none, even where the code that runs on one goes on
            loop = None
        if loop is None or loop is not self._loop or self._process is not _process:
            loop = self._settle(loop)
        return loop

    def check_closing(self, *, idle: bool) -> None:
        """Do the same for an owner that is to be closed: from anywhere once its own loop is closed and it is
        ``idle``, because nothing of it can be under way then.

        :raises RuntimeError: while its own loop could do it, if that was closed too early, and in a forked
            process.
        """
        if self.inherited or (self._loop is not None and not self._loop.is_closed()):
            self.check()
        elif self._loop is not None and not idle:
            msg = (
                f"this {self._owner} has work under way on an event loop that is closed, where it cannot be"
                " finished, nor tokens that it brought saved; close it there first, as async with does"
            )
            raise RuntimeError(msg)

    @property
    def inherited(self) -> bool:
        """Whether it serves the process that this one was forked from, and is that one's to close."""
        return self._loop is not None and self._process is not _process

    def _settle(self, loop: asyncio.AbstractEventLoop | None) -> asyncio.AbstractEventLoop:
        if self.inherited:
            problem = "was opened before this process was forked; open one in each process, after the fork"
        elif loop is None:
            problem = "is used where no event loop runs"
        elif self._loop is None:
            self._loop, self._process = loop, _process
            return loop
        elif self._goes_over is not None and self._loop.is_closed():
            self._goes_over()
            self._loop = loop
            return loop
        else:
            problem = "belongs to another event loop; open one for each loop, or keep to one loop"
        msg = f"this {self._owner} {problem}"
        raise RuntimeError(msg)


def on_one_loop(owner: type[_T]) -> type[_T]:
    """Let each public coroutine method of a class begin with the check of the object's ``_home``, unless it
    does so itself, which is quicker."""
    for name, method in list(vars(owner).items()):
        if name.startswith("_") or not inspect.iscoroutinefunction(method):
            continue
        if "_home" not in method.__code__.co_names:
            setattr(owner, name, _checked(method))
    return owner


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    # A coroutine itself: one may be made where no loop runs, for a loop that is about to.
    @wraps(method)
    async def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._home.check()
        return await method(self, *args, **kwargs)

    return checked
