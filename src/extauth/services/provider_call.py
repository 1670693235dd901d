"""Single questions to a provider: bounded in time, and repeated only where nothing was sent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, final

from extauth.deadline import Deadline
from extauth.domain.outcomes import NotSent, Unknown
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.services.events import logger

_T = TypeVar("_T")

_SENDS = 5
"""How often a request is tried to be sent."""

_RETRY = Backoff(initial=timedelta(milliseconds=50), maximum=timedelta(seconds=1))


@final
class ProviderCaller:
    """Asks providers. ``timeout`` bounds one request from connecting to the last byte."""

    def __init__(self, clock: Clock, rng: random.Random, timeout: timedelta) -> None:
        self._clock = clock
        self._rng = rng
        self._timeout = timeout.total_seconds()
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
        """Make the call; ``Unknown`` if it took too long or failed in a way that no provider should."""
        try:
            async with Deadline(self._timeout, layers=2):
                return await call()
        except TimeoutError:
            return Unknown("exchange_timeout")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not this task was cancelled but something that the provider waited for.
            return Unknown("exchange_interrupted")
        except Exception as error:  # noqa: BLE001 - a provider that breaks its contract must not break a flow
            # Its text is not ours and might quote a token.
            logger.error("a provider raised %s", type(error).__name__)
            return Unknown("provider_error")

    async def call_until_sent(self, call: Callable[[], Awaitable[_T]]) -> _T | Unknown:
        """Make the call, again as long as it could not be sent at all."""
        for attempt in range(1, _SENDS):
            outcome = await self.call(call)
            if not isinstance(outcome, NotSent) or self.hurried:
                return outcome
            await self.pause(_RETRY.delay(attempt, jitter=self._rng.random()))
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
