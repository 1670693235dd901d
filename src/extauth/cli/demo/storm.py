"""One storm: an authorization server, links, and replicas full of callers, from start to proof."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeAlias, final

import aiohttp
import attrs

from extauth.cli.demo.books import Book, open_book
from extauth.cli.demo.messages import Exchange, Finished, Orders, Recall, Tally, Way
from extauth.cli.demo.progress import Progress, Settings, Stage
from extauth.cli.demo.replicas import Replica, running, stop_all
from extauth.cli.demo.rotations import AROUND, Race, Rotation, races
from extauth.domain.freshness import LIFETIME_SHARE
from extauth.testing.provider_model.redemption import Presentation
from extauth.testing.server.authorization_server import AuthorizationServer

Tell: TypeAlias = Callable[[Progress], None]
"""Is given each new state of a storm; quick."""

LOOK_EVERY = 0.1
"""Seconds between two looks at server, links and replicas."""

RECONNECT_AFTER = 0.5
"""Seconds after which the user of a lost link connects again: very soon, to the loser's advantage."""

TRIES = 3
"""A token may expire on its way to the API, but hardly three times in a row."""


@final
@attrs.frozen
class Outcome:
    """What a storm has come to."""

    progress: Progress
    rotations: tuple[Rotation, ...]
    """The rotations with the questions around them, for the picture; extauth's only."""
    races: tuple[Race, ...]
    """Who presented each refresh token, for the picture; the naive loop's only."""


async def run_storm(way: Way, settings: Settings, store: str, run_id: str, tell: Tell) -> Outcome:
    """Run one storm on links of its own in ``store`` and remove them again.

    :raises ReplicaFailed: if a replica breaks down.
    """
    async with (
        AuthorizationServer(
            access_token_lifetime=settings.lifetime, answer_delay=settings.answer_delay
        ) as server,
        aiohttp.ClientSession() as session,
    ):
        orders = _orders(way, settings, store, run_id, server)
        async with open_book(orders[0], session) as book:
            storm = _Storm(orders[0], settings, server, book, tell)
            storm.show("starting")
            async with running(orders) as replicas:
                finished = await storm.blow(replicas)
                history = tuple(server.grants.history)
                rotations = await _recall_all(replicas, finished, history)
            await storm.verify(session)
            attempts = [attempt for each in finished for attempt in each.attempts]
            return Outcome(storm.show("done"), rotations, races(attempts, history))


def _orders(
    way: Way, settings: Settings, store: str, run_id: str, server: AuthorizationServer
) -> Sequence[Orders]:
    first = Orders(
        way=way,
        replica=0,
        store=store,
        naive_table=f"extauth_demo_naive_{run_id}",
        token_url=server.token_url,
        resource_url=server.resource_url,
        client_id=server.client_id,
        client_secret=server.client_secret,
        users=[f"demo-{run_id}-user-{number + 1}" for number in range(settings.links)],
        callers=settings.callers,
        pause=settings.pause,
        check_every=settings.check_every,
        margin=settings.lifetime.total_seconds() / LIFETIME_SHARE,
        seed=settings.seed,
    )
    return [attrs.evolve(first, replica=number) for number in range(settings.replicas)]


@final
class _Storm:
    def __init__(
        self,
        orders: Orders,
        settings: Settings,
        server: AuthorizationServer,
        book: Book,
        tell: Tell,
    ) -> None:
        self._settings = settings
        self._server = server
        self._book = book
        self._users = orders.users
        self._tell = tell
        self._progress = Progress(way=orders.way, target=settings.rotations, links=len(orders.users))
        self._replicas: Sequence[Replica] = ()
        self._began: float | None = None
        self._ended: float | None = None
        self._broken_since: dict[str, float] = {}
        self._lost = 0
        self._verified = 0

    async def blow(self, replicas: Sequence[Replica]) -> Sequence[Finished]:
        """Let the callers go until there were enough rotations, or time is up."""
        self._replicas = replicas
        for user in self._users:
            await self._book.connect(user, self._server.new_grant(user))
        for replica in replicas:
            replica.go()
        began = self._began = time.monotonic()
        while (
            self._server.grants.rotations < self._settings.rotations
            and time.monotonic() - began < self._settings.longest
        ):
            await asyncio.sleep(LOOK_EVERY)
            for replica in replicas:
                replica.check()
            await self._reconnect_lost()
            self.show("storm")
        self._ended = time.monotonic()
        finished = await stop_all(replicas)
        self.show("checking")
        return finished

    async def verify(self, session: aiohttp.ClientSession) -> None:
        """Try every link: what is stored must be alive, and a token asked for must work at the API."""
        for user in self._users:
            if not await self._broken(user) and await self._works(user, session):
                self._verified += 1
            else:
                self._lost += 1

    def show(self, stage: Stage) -> Progress:
        """Take stock, tell the view, and return it."""
        grants = self._server.grants
        now = self._ended or time.monotonic()
        self._progress = attrs.evolve(
            self._progress,
            stage=stage,
            elapsed=now - self._began if self._began else 0.0,
            tally=sum((replica.tally for replica in self._replicas), Tally()),
            exchanges=grants.exchanges,
            per_rotation=tuple(grants.presentations_per_rotation()),
            families_revoked=grants.families_revoked,
            lost=self._lost,
            verified=self._verified,
        )
        self._tell(self._progress)
        return self._progress

    async def _reconnect_lost(self) -> None:
        """Count each link that is lost for good and connect its user again, so that the storm goes on."""
        for user in self._users:
            if not await self._broken(user):
                self._broken_since.pop(user, None)
                continue
            now = time.monotonic()
            if now - self._broken_since.setdefault(user, now) >= RECONNECT_AFTER:
                del self._broken_since[user]
                self._lost += 1
                await self._book.connect(user, self._server.new_grant(user))

    async def _broken(self, user: str) -> bool:
        """Whether no refresh of what is stored can ever succeed again."""
        stored = await self._book.refresh_token(user)
        return stored is None or self._server.grants.revoked(stored)

    async def _works(self, user: str, session: aiohttp.ClientSession) -> bool:
        for _ in range(TRIES):
            try:
                token = await self._book.access_token(user)
            except Exception:  # noqa: BLE001 - whatever it is, the link does not work
                return False
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(self._server.resource_url, headers=headers) as response:
                if response.status == HTTPStatus.OK:
                    stored = await self._book.refresh_token(user)
                    return stored is not None and self._server.grants.refreshable(stored)
        return False


async def _recall_all(
    replicas: Sequence[Replica], finished: Sequence[Finished], history: Sequence[Presentation]
) -> tuple[Rotation, ...]:
    """Ask every replica what its callers met around each exchange of any replica."""
    exchanges = sorted((e for each in finished for e in each.exchanges), key=_saved)
    return tuple([await _recall(replicas, exchange, history) for exchange in exchanges])


async def _recall(
    replicas: Sequence[Replica], exchange: Exchange, history: Sequence[Presentation]
) -> Rotation:
    wanted = Recall(exchange.user, exchange.started - AROUND, exchange.saved + AROUND)
    answers = await asyncio.gather(*(replica.recall(wanted) for replica in replicas))
    return Rotation(
        exchange,
        tuple(question for answer in answers for question in answer),
        tuple(
            each.at
            for each in history
            if each.subject == wanted.user and wanted.since <= each.at <= wanted.until
        ),
    )


def _saved(exchange: Exchange) -> float:
    return exchange.saved
