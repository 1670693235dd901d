"""Whether a service takes a call: it serves one event loop of one process, until it is closed."""

from __future__ import annotations

from typing import final

from extauth.one_loop import OneLoop


@final
class Serving:
    """What a service asks before each call; ``owner`` is its name."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._home = OneLoop(owner)
        self.closed = False
        """Set once by :meth:`close`."""

    def check(self) -> None:
        """Let a call begin; the first one, or entering, says which loop the service serves.

        :raises RuntimeError: if it is closed, on another loop, and in a forked process.
        """
        self._home.check()
        if self.closed:
            msg = f"this {self._owner} is closed"
            raise RuntimeError(msg)

    def close(self, *, idle: bool) -> bool:
        """Let no call begin any more; False if what is under way is not this process's to finish.

        :raises RuntimeError: on another loop, unless its own is closed and it is ``idle``.
        """
        if self._home.inherited:
            return False
        self._home.check_closing(idle=idle)
        self.closed = True
        return True
