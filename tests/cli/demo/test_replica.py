from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import attrs
import pytest

from extauth.cli.demo.books import Book, open_book
from extauth.cli.demo.messages import (
    Finished,
    Go,
    Message,
    Orders,
    Ready,
    Recall,
    Recalled,
    Stop,
    Tally,
    Way,
    encode,
)
from extauth.cli.demo.naive import RefreshRefused
from extauth.cli.demo.replica import work
from extauth.domain.errors import ReauthorizationRequired
from extauth.testing import AuthorizationServer


class Pipes:
    """A replica's standard input and output, in this process."""

    def __init__(self) -> None:
        self.inbox = asyncio.StreamReader()
        self.said: asyncio.Queue[Message] = asyncio.Queue()

    def tell(self, message: Message) -> None:
        """Send the replica a line."""
        self.inbox.feed_data(encode(message))

    async def hear(self, kind: type[Message]) -> Message:
        """Wait for the replica to say something of this kind, which must be the next but for reports."""
        while True:
            message = await self.said.get()
            if isinstance(message, kind):
                return message
            assert isinstance(message, Tally)


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer, None]:
    """A running server."""
    async with AuthorizationServer(access_token_lifetime=timedelta(hours=1)) as server:
        yield server


def orders(way: Way, server: AuthorizationServer, folder: Path) -> Orders:
    """Orders for a replica of two callers and one link."""
    return Orders(
        way=way,
        replica=0,
        store=f"sqlite:///{folder / 'links.db'}",
        naive_table="naive_rows",
        token_url=server.token_url,
        resource_url=server.resource_url,
        client_id=server.client_id,
        client_secret=server.client_secret,
        users=["alice"],
        callers=2,
        pause=0.001,
        check_every=1,
        margin=0.0,
        seed=0,
    )


@pytest.fixture(params=["extauth", "naive"])
async def way(request: pytest.FixtureRequest) -> Way:
    """Both ways of keeping tokens."""
    return request.param  # type: ignore[no-any-return]


async def connected_and_expired(book: Book, server: AuthorizationServer) -> None:
    """Connect alice with an access token that has expired by the clock of whoever reads the link."""
    tokens = attrs.evolve(server.new_grant("alice"), expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    await book.connect("alice", tokens)


async def test_replica_follows_its_orders(way: Way, server: AuthorizationServer, tmp_path: Path) -> None:
    """It gets ready, lets callers ask, reports, finishes when told, recalls, and ends with its input."""
    given = orders(way, server, tmp_path)
    pipes = Pipes()
    async with aiohttp.ClientSession() as session, open_book(given, session) as book:
        await connected_and_expired(book, server)
        working = asyncio.create_task(work(pipes.inbox, pipes.said.put_nowait))

        pipes.tell(given)
        await pipes.hear(Ready)
        pipes.tell(Go())
        while True:
            tally = await pipes.hear(Tally)
            assert isinstance(tally, Tally)
            if tally.served:
                break
        pipes.tell(Stop())
        finished = await pipes.hear(Finished)
        pipes.tell(Recall("alice", 0.0, float("inf")))
        recalled = await pipes.hear(Recalled)
        pipes.inbox.feed_eof()
        await working

    assert isinstance(finished, Finished)
    assert isinstance(recalled, Recalled)
    assert len(recalled.questions) == finished.tally.served
    if way == "extauth":
        # The naive loop, with two callers, may or may not have lost its link by now.
        assert (finished.tally.dead, finished.tally.errors) == (0, {})
        assert server.grants.presentations_per_rotation() == [1]
        (exchange,) = finished.exchanges
        assert (exchange.user, exchange.replica) == ("alice", 0)
        assert exchange.started < exchange.saved
        assert finished.attempts == ()
    else:
        assert {attempt.user for attempt in finished.attempts} == {"alice"}
        assert len(finished.attempts) == server.grants.exchanges
        assert finished.exchanges == ()


async def test_replica_ends_with_its_input(way: Way, server: AuthorizationServer, tmp_path: Path) -> None:
    """Whenever the input ends, the replica does, without a word more."""
    given = orders(way, server, tmp_path)
    async with aiohttp.ClientSession() as session, open_book(given, session) as book:
        await connected_and_expired(book, server)
        inputs: list[list[Message]] = [[], [given], [given, Go()]]
        for lines in inputs:
            pipes = Pipes()
            for line in lines:
                pipes.tell(line)
            pipes.inbox.feed_eof()
            await work(pipes.inbox, pipes.said.put_nowait)
            while not pipes.said.empty():
                assert isinstance(pipes.said.get_nowait(), Ready | Tally)


async def test_book_tidies_up(way: Way, server: AuthorizationServer, tmp_path: Path) -> None:
    """The links of a run are gone after it, and a marked or cleared link has no refresh token."""
    given = orders(way, server, tmp_path)
    async with aiohttp.ClientSession() as session:
        for _ in range(2):  # a second run finds nothing of the first in its way
            async with open_book(given, session) as book:
                await connected_and_expired(book, server)
                stored = await book.refresh_token("alice")
                assert stored is not None
                server.grants.revoke(stored)
                with pytest.raises((ReauthorizationRequired, RefreshRefused)):
                    await book.access_token("alice")
                assert await book.refresh_token("alice") is None
