"""Single questions to a provider: bounded in time, and repeated only where nothing was processed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, final

from extauth.cancellation import cancelled_by_caller
from extauth.deadline import Deadline
from extauth.domain.outcomes import RATE_LIMITED, Deferred, NotSent, Unknown
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock
from extauth.services.events import logger

_T = TypeVar("_T")

_POLICY = RefreshPolicy()
"""What holds for refreshes unless the application says otherwise holds for all that is asked here."""

_LONGEST_PAUSES = timedelta(seconds=5)
"""That a user is let wait, in all, for a provider that takes no more requests for now."""


async def guarded(
    call: Callable[[], Awaitable[_T]], timeout: timedelta, who: str = "a provider"
) -> _T | Unknown:
    """Make a call to a provider and return what it returns.

    ``Unknown`` if it took longer than ``timeout``, was cancelled beneath this task, or raised, as no provider
    should: one that breaks its contract must not lose a link. Raises only the caller's own
    ``CancelledError``.
    """
    try:
        async with Deadline(timeout.total_seconds(), layers=2):
            return await call()
    except TimeoutError:
        return Unknown("exchange_timeout")
    except asyncio.CancelledError:
        if cancelled_by_caller():
            raise
        return Unknown("exchange_interrupted")
    except Exception as error:  # noqa: BLE001 - see above
        # Its text is not ours and might quote a token.
        logger.error("%s raised %s", who, type(error).__name__)
        return Unknown("provider_error")


@final
class ProviderCaller:
    """Asks providers. ``timeout`` bounds one request from connecting to the last byte."""

    def __init__(self, clock: Clock, rng: random.Random, timeout: timedelta) -> None:
        self._clock = clock
        self._rng = rng
        self._timeout = timeout
        self._hurried = asyncio.Event()
        """Set once by :meth:`hurry`."""

    @property
    def hurried(self) -> bool:
        """Whether the process is about to end: finish what was begun, repeat nothing, wait for nobody."""
        return self._hurried.is_set()

    def hurry(self) -> None:
        """Take note that the process is about to end."""
        self._hurried.set()

    async def call(self, call: Callable[[], Awaitable[_T]]) -> _T | Unknown:
        """Make the call once; see :func:`guarded`."""
        return await guarded(call, self._timeout)

    async def call_until_sent(self, call: Callable[[], Awaitable[_T]]) -> _T | Unknown:
        """Make the call, again as long as it could not be sent at all, or came while there were too many.

        A provider that asks for a short pause has processed nothing, so a code is worth as much afterwards. A
        user waits for this, and a code is not valid for long: for a longer pause nobody waits.
        """
        left = _LONGEST_PAUSES
        for attempt in range(1, _POLICY.sends):
            outcome = await self.call(call)
            pause = _POLICY.retry.delay(attempt, jitter=self._rng.random())
            match outcome:
                case NotSent():
                    pass
                case Deferred(code, retry_after) if retry_after is not None or code == RATE_LIMITED:
                    pause += retry_after or _POLICY.cooldown.initial
                    left -= pause
                case _:
                    return outcome
            if self.hurried or left < timedelta(0):
                return outcome
            await self.pause(pause)
        return await self.call(call)

    async def pause(self, span: timedelta) -> None:
        """Wait that long, or until the process is about to end."""
        sleeping = asyncio.ensure_future(self._clock.sleep(span.total_seconds()))
        hurried = asyncio.ensure_future(self._hurried.wait())
        try:
            await asyncio.wait({sleeping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            hurried.cancel()
