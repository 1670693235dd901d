"""Delivering events, each until it has been dealt with, or is set aside."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from inspect import isawaitable
from types import TracebackType
from typing import Final, Self, cast, final

from extauth.cancellation import cancelled_by_caller
from extauth.clock import SystemClock
from extauth.domain.acting import acting
from extauth.domain.actors import DELIVERING
from extauth.domain.errors import ExtAuthError
from extauth.domain.outbox import (
    ClaimedEvent,
    DeliverLater,
    Handler,
    Undeliverable,
    outbox_of,
)
from extauth.domain.ports import OAuthProvider, WallClock
from extauth.domain.wrong_types import must_be
from extauth.one_loop import OneLoop
from extauth.services.outbox.expiring import ExpiryScan
from extauth.services.outbox.options import DeliveryOptions
from extauth.services.providers import by_id
from extauth.services.uninterrupted import defer_cancellation

_log: Final = logging.getLogger("extauth")

NOT_ASYNC: Final = "handler_not_async"
"""Why an event was set aside whose handler returned something that cannot be awaited."""

_KEPT_ON_FOR: Final = timedelta(hours=1)
"""How often the store is told that somebody listens."""


@final
class LinkEventDelivery:
    """Delivers a store's events to a handler, as long as it is entered.

    Any number of replicas may: each event is one replica's at a time. A handler that returns has dealt with
    the event. If it raises, or takes longer than ``timeout``, the event is delivered again later, by
    whichever replica, and set aside in the end. So is one whose replica crashed, also between the handler's
    return and the note of it: **an event may come more than once, with the same id**. Events of one link
    come in order, but for one that was set aside; those of different links in any, up to ``at_once`` at the
    same time.

    Each event was true when it happened. What has become of the link since then ``health`` tells. With
    ``providers``, what is known of them tells which links end soon.

    Leaving it starts no more deliveries and waits for those under way; cancelled meanwhile, too.

    :raises TypeError: for a store that has no outbox, or a handler that cannot be called.
    :raises ValueError: for options that cannot be, and two providers with one id.
    """

    def __init__(
        self,
        store: object,
        handler: Handler,
        *,
        providers: Iterable[OAuthProvider] = (),
        options: DeliveryOptions | None = None,
        clock: WallClock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._outbox = outbox_of(acting(store, DELIVERING))
        self._handler = checked_handler(handler)
        self._options = options or DeliveryOptions()
        self._clock = clock or SystemClock()
        self._rng = rng or random.SystemRandom()
        self._scan = ExpiryScan(self._outbox, by_id(providers), self._options.ahead)
        self._owner = f"{self._rng.getrandbits(128):032x}"
        self._home = OneLoop("LinkEventDelivery")
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        """Set once by entering."""
        self._kept_on_at: datetime | None = None
        self._looked_at: datetime | None = None

    async def __aenter__(self) -> Self:
        self._home.check()
        if self._task is not None:
            msg = "this was entered before; make another one each time"
            raise RuntimeError(msg)
        # Before anything else the application does: what happens from now on is told.
        await self._outbox.keep_on()
        self._kept_on_at = self._clock.now()
        # In a context of its own: whose request it was made in is nobody's business.
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name="extauth link events", context=contextvars.Context()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        if self._task is not None and not self._home.inherited:
            try:
                await defer_cancellation(self._task)
            except asyncio.CancelledError:  # somebody has cancelled the task, perhaps
                if cancelled_by_caller():
                    raise

    async def _run(self) -> None:
        while not self._leaving.is_set():
            delivered = 0
            try:
                await self._look_after()
                delivered = await self.deliver_due()
            except ExtAuthError as error:
                _log.warning("link events wait: %s", error)
            except Exception as error:  # noqa: BLE001 - a store's bug must not end it for good
                _log.error("link events wait: %s", type(error).__name__)
            if not delivered:
                await self._pause()

    async def _pause(self) -> None:
        seconds = self._options.poll.total_seconds() * (0.5 + self._rng.random())
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            pass

    async def _look_after(self) -> None:
        now = self._clock.now()
        if _is_over(self._kept_on_at, _KEPT_ON_FOR, now):
            await self._outbox.keep_on()
            self._kept_on_at = now
        if _is_over(self._looked_at, self._options.look_every, now):
            await self._scan.run(now)
            self._looked_at = now

    async def deliver_due(self) -> int:
        """Deliver events that are due, up to ``at_once``, and return how many were dealt with.

        :raises StoreUnavailable: try again later.
        """
        lease = self._options.timeout + self._options.lease
        claimed = await self._outbox.claim(self._owner, lease, limit=self._options.at_once)
        # To the end of each, whatever became of another: nothing goes on behind the next claim.
        ended = await asyncio.gather(*map(self._deliver, claimed), return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return sum(each is True for each in ended)

    async def _deliver(self, claimed: ClaimedEvent) -> bool:
        failed: tuple[str, timedelta | None] | None = "crashed", None
        if claimed.attempt <= self._options.attempts:  # else the last one ended with its replica
            failed = await self._handled(claimed)
        if failed is None:
            return await self._outbox.acknowledge(claimed.number, self._owner)
        code, delay = failed
        kind, link = claimed.event.type, claimed.event.key.provider_id
        if delay is None:
            _log.error("%s of a %s link was set aside: %s", kind, link, code)
        else:
            _log.warning("%s of a %s link is delivered again in %s: %s", kind, link, delay, code)
        await self._outbox.postpone(claimed.number, self._owner, delay, code)
        return False

    async def _handled(self, claimed: ClaimedEvent) -> tuple[str, timedelta | None] | None:
        """Call the handler; return what spoke against the event and when to try again, or None."""
        delay = self._options.retry_after(claimed.attempt, self._rng.random())
        try:
            async with asyncio.timeout(self._options.timeout.total_seconds()):
                handling: object = self._handler(claimed.event)
                if not isawaitable(handling):
                    return NOT_ASYNC, None  # it has been called, and would do all of that again
                await handling
        except Undeliverable as error:
            return error.code, None
        except DeliverLater as error:
            if delay is not None and error.after is not None:
                delay = max(delay, error.after)
            return error.code, delay
        except asyncio.CancelledError:  # perhaps of what the handler has awaited
            if cancelled_by_caller():
                raise
            return "CancelledError", delay
        except Exception as error:  # noqa: BLE001 - the type alone: the text may hold anything
            return type(error).__name__, delay
        return None


def checked_handler(handler: object) -> Handler:
    """Return what was given.

    :raises TypeError: if it cannot be called.
    """
    if not callable(handler):
        raise TypeError(must_be("an async function that takes the event", handler, "the handler"))
    return cast("Handler", handler)


def _is_over(last: datetime | None, span: timedelta, now: datetime) -> bool:
    # A clock that was set back must not make it wait.
    return last is None or not timedelta(0) <= now - last < span
