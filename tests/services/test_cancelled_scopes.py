"""Services that are closed in a scope that is cancelled: nothing is lost, and the loop sleeps meanwhile."""

from __future__ import annotations

import asyncio
import selectors
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest
from aiohttp import web

import extauth
from extauth import LinkingService, LinkKey, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.services.uninterrupted import defer_cancellation, start_protected
from extauth.testing import ScriptedLinkingProvider

KEY = LinkKey("app", "alice")
EXPIRED = TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC))


class Turns(selectors.DefaultSelector):
    """Counts how often a loop looks for something to do without being able to sleep."""

    def __init__(self):
        super().__init__()
        self.sleepless = 0

    def select(self, timeout=None):
        self.sleepless += timeout == 0
        return super().select(timeout)


class Provider:
    """A token endpoint that answers when it is told."""

    def __init__(self):
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def token(self, _):
        self.asked.set()
        await self.gate.wait()
        return web.json_response({"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 3600})


@asynccontextmanager
async def serving(provider):
    """Serve it, and return its token endpoint."""
    app = web.Application()
    app.router.add_post("/token", provider.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    await runner.cleanup()


@asynccontextmanager
async def anyio_scope():
    """As middleware has around a request."""
    with anyio.CancelScope() as scope:
        yield scope.cancel


@asynccontextmanager
async def anyio_group():
    """As a lifespan is in."""
    async with anyio.create_task_group() as group:
        yield group.cancel_scope.cancel


@asynccontextmanager
async def nested_scopes():
    """As a request's inside a server's."""
    with anyio.CancelScope() as outer, anyio.CancelScope():
        yield outer.cancel


@asynccontextmanager
async def task_group():
    """Cancelled because one of its tasks fails."""

    class Enough(Exception):
        pass

    async def fail():
        raise Enough

    try:
        async with asyncio.TaskGroup() as group:
            yield lambda: group.create_task(fail())
    except* Enough:
        pass


@asynccontextmanager
async def timeout():
    """Cancelled because time is up."""
    try:
        async with asyncio.timeout(None) as bound:
            yield lambda: bound.reschedule(0)
    except TimeoutError:
        pass


SCOPES = [anyio_scope, anyio_group, nested_scopes, task_group, timeout]


def counting(main):
    """Run it on a loop whose sleepless turns are counted."""
    turns = Turns()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(turns)) as runner:
        runner.run(main(turns))


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.__name__)
@pytest.mark.parametrize("whole", [False, True], ids=["service", "extauth.open"])
def test_closing_neither_spins_nor_loses(scope, whole, tmp_path):
    """The exchange under way saves its tokens, and the loop has nothing to do until the answer comes."""
    url = f"sqlite:///{tmp_path}/links.db"

    async def main(turns):
        provider = Provider()
        spun = None

        async def answer_later():
            nonlocal spun
            for _ in range(20):  # whatever there is to do at the beginning
                await asyncio.sleep(0.001)
            before = turns.sleepless
            for _ in range(10):
                await asyncio.sleep(0.01)
            spun = turns.sleepless - before
            provider.gate.set()

        async with serving(provider) as token_url, open_store(url) as store:
            client = OAuth2Provider("app", client_id="c", client_secret="not-one", token_url=token_url)
            await store.put(KEY, EXPIRED, origin=client.origin)
            service = TokenService(store, [client])
            if whole:
                service = extauth.open(
                    url,
                    [
                        OAuth2Provider(
                            "app",
                            client_id="c",
                            client_secret="not-one",
                            token_url=token_url,
                            authorize_url="http://127.0.0.1:1/",
                        )
                    ],
                )
            async with scope() as cancel, service as tokens:
                call = asyncio.create_task(tokens.access_token("app", "alice"))
                await provider.asked.wait()
                later = asyncio.create_task(answer_later())
                cancel()
                await asyncio.sleep(0)
            assert later.done()
            await later
            assert await call == "at-2"
            link = await store.get(KEY)
            assert link.tokens.refresh_token == "rt-2"
        # A turn in which something is ready cannot sleep; each of those ten sleeps has one or two.
        assert spun < 50

    counting(main)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.__name__)
async def test_an_authorization_under_way_is_stored(scope):
    """A LinkingService that is left there carries the code that was sent through."""
    provider = ScriptedLinkingProvider("app")
    async with open_store("memory://") as store:
        async with scope() as cancel, LinkingService(store, [provider]) as service:
            url = await service.begin("app", "alice", "https://app.example/callback/app")
            callback = provider.consent(url)
            provider.gate = asyncio.Event()
            call = asyncio.create_task(service.complete(callback, user_id="alice"))
            await provider.exchanging.wait()
            asyncio.get_running_loop().call_later(0.01, provider.gate.set)
            cancel()
            await asyncio.sleep(0)
        assert (await call).key == KEY
        assert await store.get(KEY) is not None


async def test_the_scope_ends_as_ever():
    """What is put off is raised in the end, by the scope's own cancellation, which ends there."""
    ended = []
    with anyio.CancelScope() as scope:
        gate = asyncio.Event()
        scope.cancel()
        asyncio.get_running_loop().call_later(0.01, gate.set)
        try:
            await defer_cancellation(start_protected(gate.wait()))
        finally:
            ended.append(gate.is_set())
        ended.append("went on")
    assert ended == [True]
    assert scope.cancelled_caught
    await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0


async def test_a_cancellation_of_the_task_is_told_from_the_scopes():
    """Cancelled itself meanwhile it is so behind the scope, too."""
    gate = asyncio.Event()
    reached = []

    async def work():
        with anyio.CancelScope() as scope:
            scope.cancel()
            await defer_cancellation(start_protected(gate.wait()))
        reached.append("behind the scope")
        await asyncio.sleep(0)
        reached.append("still there")

    task = asyncio.create_task(work())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel("the application's own")
    await asyncio.sleep(0)
    gate.set()
    await asyncio.wait({task})
    assert task.cancelled()
    assert "still there" not in reached


async def test_a_task_factory_of_two_arguments():
    """As documented before Python 3.11: a service refreshes, waits for others and closes on such a loop."""
    loop = asyncio.get_running_loop()
    made = []

    def factory(loop, coro):
        made.append(asyncio.Task(coro, loop=loop))
        return made[-1]

    provider = ScriptedLinkingProvider("app")
    async with extauth.open("memory://", [provider]) as auth:
        loop.set_task_factory(factory)
        try:
            url = await auth.begin("app", "alice", "https://app.example/callback/app")
            link = await auth.complete(provider.consent(url), user_id="alice")
            token = link.tokens.access_token
            refreshed = await asyncio.gather(*[auth.refresh("app", "alice", rejected=token) for _ in "ab"])
            assert {each.version for each in refreshed} == {link.version + 1}
            await auth.tokens.aclose()
            await auth.linking.aclose()
        finally:
            loop.set_task_factory(None)
    assert made


async def test_without_anyio(monkeypatch):
    """Where nobody has imported it there is no scope of its to be kept away."""
    monkeypatch.delitem(sys.modules, "anyio")
    gate = asyncio.Event()
    waiter = asyncio.create_task(defer_cancellation(start_protected(gate.wait())))
    for _ in range(3):
        await asyncio.sleep(0)
        waiter.cancel()
    gate.set()
    await asyncio.wait({waiter})
    assert waiter.cancelled()
    assert "anyio" not in sys.modules
