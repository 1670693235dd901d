"""Gates at which calls park until the schedule lets them pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import final

import attrs


@final
class ReplicaCrashed(BaseException):
    """What a killed replica's calls end with, so that no code of it touches the world any more.

    Not an :class:`Exception`: no handler in a replica may take it for a failure and go on.
    """


def _always() -> bool:
    return True


@final
@attrs.define(eq=False)
class Gate:
    """One parked call."""

    name: str
    """Such as ``r1.claim#1``: the replica, the method, and how many of these the replica has made."""
    replica: str
    operation: str
    """Such as ``claim``, or ``claim.reply`` on the way back."""
    ready: Callable[[], bool]
    """Whether the call could go on by now; waits and sleeps cannot before their time."""
    due: float | None
    """When it becomes ready by itself, on the virtual clock, if it does."""
    opened: asyncio.Future[str]
    """Completed with the verdict: what shall go wrong, or ``""``."""


@final
class Gates:
    """All gates of one run. Each replica's calls are numbered in the order in which they come."""

    def __init__(self) -> None:
        self._parked: dict[str, Gate] = {}
        """In the order in which they came; added and removed by :meth:`park`."""
        self._made: dict[tuple[str, str], int] = {}
        self._crashed: set[str] = set()

    async def park(
        self,
        replica: str,
        operation: str,
        *,
        name: str | None = None,
        ready: Callable[[], bool] = _always,
        due: float | None = None,
    ) -> str:
        """Wait until the gate is opened and return the verdict given then.

        Cancellation removes the gate: the call has then not been made, or its reply is lost.

        :raises ReplicaCrashed: if the replica is killed, now or before.
        """
        if replica in self._crashed:
            raise ReplicaCrashed
        gate = Gate(
            name or self.name(replica, operation),
            replica,
            operation,
            ready,
            due,
            asyncio.get_running_loop().create_future(),
        )
        self._parked[gate.name] = gate
        try:
            return await gate.opened
        finally:
            del self._parked[gate.name]

    def name(self, replica: str, operation: str) -> str:
        """Return a new name for a call."""
        number = self._made.get((replica, operation), 0) + 1
        self._made[replica, operation] = number
        return f"{replica}.{operation}#{number}"

    def open(self, name: str, verdict: str) -> None:
        """Let the call pass.

        :raises LookupError: if no call is parked there, or it cannot go on yet.
        """
        gate = self._parked.get(name)
        if gate is None or not gate.ready():
            parked = ", ".join(gate.name for gate in self.ready()) or "none"
            msg = f"no gate {name!r} can be opened now; those that can: {parked}"
            raise LookupError(msg)
        gate.opened.set_result(verdict)

    def ready(self) -> list[Gate]:
        """Return the gates that can be opened now, in the order in which their calls parked."""
        return [gate for gate in self._parked.values() if gate.ready()]

    def parked(self, replica: str) -> list[Gate]:
        """Return the gates at which calls of the replica wait, ready or not."""
        return [gate for gate in self._parked.values() if gate.replica == replica]

    def crash(self, replica: str) -> None:
        """End every call of the replica, and every later one."""
        self._crashed.add(replica)
        for gate in self.parked(replica):
            if not gate.opened.done():
                gate.opened.set_exception(ReplicaCrashed())
                gate.opened.exception()  # nobody need retrieve it: its task may be cancelled already


def report_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Report what nobody handled, except that a killed replica's tasks have ended."""
    if not isinstance(context.get("exception"), ReplicaCrashed):
        loop.default_exception_handler(context)
