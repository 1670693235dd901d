from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta

import aiohttp
import attrs
import pytest

from extauth.cli.demo.callers import Ask, Callers
from extauth.cli.demo.messages import Orders, Recall, Tally
from extauth.domain.errors import LinkNotFound
from extauth.testing import AuthorizationServer


class Clock:
    """Monotonic seconds that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def server(clock: Clock) -> AsyncGenerator[AuthorizationServer, None]:
    """A running server whose access tokens live one hour of the test's clock."""
    async with AuthorizationServer(access_token_lifetime=timedelta(hours=1), monotonic=clock) as server:
        yield server


def orders(server: AuthorizationServer, callers: int = 1) -> Orders:
    """Orders for a replica that checks every token and hardly pauses."""
    return Orders(
        way="extauth",
        replica=0,
        store="memory://",
        naive_table="naive",
        token_url=server.token_url,
        resource_url=server.resource_url,
        client_id=server.client_id,
        client_secret=server.client_secret,
        users=["alice", "bob"],
        callers=callers,
        pause=0.0001,
        check_every=1,
        margin=0.0,
        seed=0,
    )


async def one_round(given: Orders, ask: Callable[[str], str]) -> Callers:
    """Let every caller have one answer (or error), and check it."""
    async with aiohttp.ClientSession() as session:

        async def ask_once(user: str) -> str:
            callers.stop()
            return ask(user)

        asking: Ask = ask_once
        callers = Callers(given, asking, session)
        await callers.run()
    return callers


async def test_live_token_counts_as_served_and_good(server: AuthorizationServer) -> None:
    """A token that the API accepts for this very user is served and checked, not dead."""
    callers = await one_round(orders(server), lambda user: server.new_grant(user).access_token)
    assert callers.tally == Tally(served=1, checked=1)


@pytest.mark.parametrize("fate", ["unknown", "another user's", "expired long ago"])
async def test_dead_tokens_are_counted(server: AuthorizationServer, clock: Clock, fate: str) -> None:
    """A token that was dead when it was asked for, or is another's, counts as dead."""

    def ask(user: str) -> str:
        if fate == "unknown":
            return "at-unknown"
        token = server.new_grant("bob" if fate == "another user's" else user).access_token
        clock.seconds += 7200.0 if fate == "expired long ago" else 0.0
        return token

    callers = await one_round(orders(server), ask)

    assert callers.tally == Tally(served=1, checked=1, dead=1)


async def test_token_that_expires_on_its_way_is_not_dead(server: AuthorizationServer, clock: Clock) -> None:
    """A token that was alive when asked for and expired before the API saw it is nobody's fault."""

    def ask(user: str) -> str:
        token = server.new_grant(user).access_token
        clock.seconds += 3600.0
        return token

    callers = await one_round(orders(server), ask)

    assert callers.tally == Tally(served=1, checked=1)


async def test_errors_are_counted_by_code(server: AuthorizationServer) -> None:
    """An error counts under its code, or its type where it has none, and the caller goes on."""

    def ask(user: str) -> str:
        if user == "alice":
            msg = "no link"
            raise LinkNotFound(msg)
        raise OSError

    # Every second caller is bob; they all ask at least once before the first stop.
    async with aiohttp.ClientSession() as session:
        asked: set[str] = set()

        async def ask_each(user: str) -> str:
            asked.add(user)
            if len(asked) == 2:
                callers.stop()
            return ask(user)

        callers = Callers(orders(server, callers=2), ask_each, session)
        await callers.run()

    assert callers.tally.served == 0
    assert set(callers.tally.errors) == {"link_not_found", "OSError"}


async def test_unreachable_api_is_an_error(server: AuthorizationServer) -> None:
    """A check that does not come about is an error, and no verdict on the token."""
    given = attrs.evolve(orders(server), resource_url="http://127.0.0.1:1/resource")
    callers = await one_round(given, lambda user: server.new_grant(user).access_token)
    assert (callers.tally.served, callers.tally.checked, callers.tally.failed) == (1, 0, 1)


async def test_stopping_lets_a_question_under_way_be_answered(server: AuthorizationServer) -> None:
    """A caller told to stop while it waits is still served."""
    gate, asking = asyncio.Event(), asyncio.Event()

    async def ask(user: str) -> str:
        asking.set()
        await gate.wait()
        return server.new_grant(user).access_token

    async with aiohttp.ClientSession() as session:
        callers = Callers(orders(server), ask, session)
        running = asyncio.create_task(callers.run())
        await asking.wait()
        callers.stop()
        gate.set()
        await running

    assert callers.tally == Tally(served=1, checked=1)


async def test_questions_are_recalled_by_user_and_time(server: AuthorizationServer) -> None:
    """Only questions for that user that touch the span are recalled."""
    callers = await one_round(orders(server), lambda user: server.new_grant(user).access_token)
    (question,) = callers.recall(Recall("alice", 0.0, float("inf")))

    assert (question.replica, question.caller) == (0, 0)
    assert question.asked <= question.served
    assert list(callers.recall(Recall("bob", 0.0, float("inf")))) == []
    assert list(callers.recall(Recall("alice", question.served, float("inf")))) == []
    assert list(callers.recall(Recall("alice", 0.0, question.asked))) == []
