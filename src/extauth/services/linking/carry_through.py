"""Work that was begun is carried to its end, whatever happens to the caller."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, TypeVar, final

from extauth.domain.acting import acting_as, current_actor
from extauth.services.single_flight import SingleFlight
from extauth.services.uninterrupted import defer_cancellation, start_protected

_T = TypeVar("_T")


@final
class CarriedThrough:
    """Runs each call as a task of its own, which the end of ``asyncio.run`` waits for.

    ``hurry`` is called when that end has come.
    """

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._flights: SingleFlight[object, Any] = SingleFlight()
        """Each call is a flight of its own, for the task's sake: nobody joins it."""

    async def run(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Return what the work returns. A caller who is cancelled leaves, and it goes on.

        It is nobody else's call, so that it goes on knowing for whom it is done.
        """
        actor = current_actor()

        async def flight() -> _T:
            with nullcontext() if actor is None else acting_as(actor):
                return await defer_cancellation(start_protected(work()), on_cancel=self._hurry)

        done: _T = await self._flights.do(object(), flight)
        return done

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return self._flights.idle

    async def aclose(self) -> None:
        """Refuse new calls and wait for those under way."""
        await self._flights.aclose()
