"""Keeping links warm and alive, on every replica."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, final

from extauth.domain.acting import acting
from extauth.domain.actors import UPKEEP
from extauth.domain.errors import StoreUnavailable
from extauth.domain.events import UpkeepSwept
from extauth.domain.optional_keywords import takes
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock, OAuthProvider, Observer
from extauth.domain.upkeep import Upkeep, UpkeepReport
from extauth.services.arguments import checked_store, checked_upkeep, clock_given, rng_given
from extauth.services.events import EventEmitter, logger
from extauth.services.open_services import note_open
from extauth.services.providers import by_id
from extauth.services.serving import Serving
from extauth.services.uninterrupted import defer_cancellation, start_protected
from extauth.services.upkeep.sweep import Ahead, Sweep, UpkeepLinks
from extauth.services.upkeep.tally import OnProgress
from extauth.services.upkeep.waiting import wait

Purge: TypeAlias = Callable[[], Awaitable[int]]
"""Removes what is no longer wanted, and returns how much."""

_JITTER: Final = 0.25
"""Replicas that were started together do not go on looking together."""


class UpkeepServiceStore(UpkeepLinks, Protocol):
    """What upkeep needs of a store."""

    async def purge_authorizations(self) -> int:
        """See :class:`~extauth.domain.linking_ports.AuthorizationStore`."""
        ...


class HasAhead(Protocol):
    """A :class:`~extauth.TokenService`, as far as upkeep uses it."""

    @property
    def ahead(self) -> Ahead:
        """What refreshes links ahead of need, through the flights, leases and pauses of the service."""
        ...


@final
class UpkeepService:
    """Refreshes links before anybody waits for it, and before their refresh tokens die of idleness.

    Every replica runs it. As an async context manager it works in the background, inside that of the
    :class:`~extauth.TokenService` whose flights it uses; leaving it begins nothing more and finishes what is
    under way. Without entering it, :meth:`run_once` does it once, for a command that is run now and then.

    ``purges`` are called as often as what has expired is removed, and may be the application's own.

    :raises ValueError: if two providers have the same id.
    :raises TypeError: for what is no open store, no list of providers or no :class:`~extauth.Upkeep`.
    """

    def __init__(
        self,
        store: UpkeepServiceStore,
        providers: Iterable[OAuthProvider],
        tokens: HasAhead,
        *,
        upkeep: Upkeep | None = None,
        clock: Clock | None = None,
        observer: Observer | None = None,
        purges: Iterable[Purge] = (),
        rng: random.Random | None = None,
    ) -> None:
        self._serving = Serving("UpkeepService", checked_store(store, "due"))
        self._store = store = acting(store, UPKEEP)
        if not takes(store.due, "by"):
            msg = (
                f"upkeep needs a store that says by which time links are due: the method due of"
                f" {type(store).__name__} takes no `by`; see docs/howto/write-a-store.md"
            )
            raise TypeError(msg)
        self._upkeep = checked_upkeep(upkeep)
        self._clock = clock_given(clock)
        self._emitter = EventEmitter(observer)
        self._rng = rng_given(rng)
        self._purges = (store.purge_authorizations, *purges)
        self._backoff = Backoff()
        self._closing = asyncio.Event()
        """Set once by :meth:`aclose`: nothing more is begun."""
        served = by_id(providers)
        self._sweeps = [
            Sweep(
                provider,
                served,
                store,
                tokens.ahead,
                upkeep=self._upkeep,
                clock=self._clock,
                closing=self._closing,
                rng=self._rng,
            )
            for provider in served.values()
        ]
        self._tasks: set[asyncio.Task[None]] = set()
        """Made by entering; each removes itself when it has ended."""
        note_open(self)

    async def __aenter__(self) -> Self:
        self._serving.check()
        if self._tasks:
            msg = "this UpkeepService works in the background already"
            raise RuntimeError(msg)
        for sweep in self._sweeps:
            self._start(self._keep_looking(sweep))
        self._start(self._keep_purging())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def run_once(self, *, progress: OnProgress | None = None) -> UpkeepReport:
        """Refresh all that is due now, remove what has expired, and say what it came to.

        It takes as long as the rate makes it. A provider that asks to be left alone is left for another time.
        Cancelled, it begins nothing more, and refreshes under way go on.

        ``progress`` is called after each link with what has been done so far, and must not raise; what goes
        on after a cancellation is not in it.

        :raises StoreUnavailable: try again later; what was done by then stays done.
        """
        self._serving.check()
        so_far: dict[str | None, UpkeepReport] = {}

        def tell(provider_id: str | None, report: UpkeepReport) -> None:
            so_far[provider_id] = report
            if progress is not None:
                progress(sum(so_far.values(), UpkeepReport()))

        async def purge() -> UpkeepReport:
            report = await self._purge()
            tell(None, report)
            return report

        ends = await asyncio.gather(
            purge(),
            *(self._look(sweep, partial(tell, sweep.provider_id)) for sweep in self._sweeps),
            return_exceptions=True,
        )
        report = UpkeepReport()
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            report += end
        return report

    async def aclose(self) -> None:
        """Begin nothing more, and finish the refreshes under way.

        Takes as long as one exchange may. A cancellation meanwhile is put off to the end. Safe to call twice.
        """
        if self._serving.close(idle=not self._tasks):
            self._closing.set()
            if self._tasks:
                await defer_cancellation(start_protected(self._drain()))

    def uses(self, store: object) -> bool:
        """Whether this service looks after the links in that very store."""
        return self._serving.on(store)

    async def _drain(self) -> None:
        await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        # In a context of its own: it works for nobody in particular.
        task = contextvars.Context().run(asyncio.get_running_loop().create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, sweep: Sweep, progress: OnProgress | None = None) -> UpkeepReport:
        report = await sweep.look(progress)
        if report != UpkeepReport():
            self._emitter.emit(
                UpkeepSwept(
                    sweep.provider_id,
                    report.refreshed,
                    report.elsewhere,
                    report.failed,
                    report.ended,
                    paused=bool(report.paused),
                    behind=report.behind,
                )
            )
        return report

    async def _purge(self) -> UpkeepReport:
        return UpkeepReport(purged=sum([await purge() for purge in self._purges]))

    async def _keep_looking(self, sweep: Sweep) -> None:
        async def look() -> timedelta:
            await self._look(sweep)
            return max(self._upkeep.interval, sweep.pace.rests_for)

        await self._repeat(look)

    async def _keep_purging(self) -> None:
        async def purge() -> timedelta:
            await self._purge()
            return self._upkeep.purge_every

        await self._repeat(purge)

    async def _repeat(self, work: Callable[[], Awaitable[timedelta]]) -> None:
        """Do it again and again, until this is closed; a failure only makes it wait for longer."""
        failures = 0
        while not self._closing.is_set():
            try:
                pause = await work()
                failures = 0
            except StoreUnavailable as error:
                failures += 1
                pause = self._backoff.delay(failures)
                logger.warning("upkeep waits for the store: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, tomorrow's links need upkeep as well
                failures += 1
                pause = self._backoff.delay(failures)
                logger.exception("upkeep failed, and goes on later")
            spread = 1 + self._rng.random() * _JITTER
            await wait(self._clock, pause.total_seconds() * spread, self._closing)
