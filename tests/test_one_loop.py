"""What is used from another event loop, thread or forked process says so at once, by its own name."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import aiosqlite
import pytest

import extauth
from extauth import LinkingService, LinkKey, TokenService, TokenSet, open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.services.single_flight import SingleFlight
from extauth.testing import ScriptedLinkingProvider, ScriptedProvider

ROOT = Path(__file__).parents[1]
FORKING_APP = ROOT / "tests" / "support" / "forking_app.py"
DEAD_LOOP_APP = "tests.support.dead_loop_app"
KEY = LinkKey("scripted", "alice")


def calls(served):
    """Return a call of each public coroutine method, by name. The arguments don't get so far."""
    found = {}
    for name, method in inspect.getmembers(served, inspect.iscoroutinefunction):
        if name.startswith("_") or name == "aclose":
            continue
        parameters = inspect.signature(method).parameters.values()
        needed = [each for each in parameters if each.default is each.empty]
        positional = [None for each in needed if each.kind is each.POSITIONAL_OR_KEYWORD]
        found[name] = (
            method,
            positional,
            {each.name: None for each in needed if each.kind is each.KEYWORD_ONLY},
        )
    return found


def elsewhere(method, positional, named):
    """Call it on a loop of another thread, and return what it raised."""

    async def call():
        async with asyncio.timeout(10):
            await method(*positional, **named)

    try:
        asyncio.run(call())
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{type(error).__name__}: {error}"
    return "nothing"


async def refused_elsewhere(served, owner):
    """Try each method on another loop; the names of those that were tried."""
    belongs = "belongs to another event loop; open one for each loop, or keep to one loop"
    expected = f"RuntimeError: this {owner} {belongs}"
    tried = calls(served)
    seen = {name: await asyncio.to_thread(elsewhere, *call) for name, call in tried.items()}
    assert dict.fromkeys(tried, expected) == seen
    return set(tried)


async def test_a_store_that_is_only_entered(any_store):
    """Whoever comes first from another thread is refused, by each method, and the store goes on as ever."""
    store = any_store
    tried = await refused_elsewhere(store, type(store).__name__)
    assert {"get", "put", "claim", "save", "wait_for_change", "take_authorization"} <= tried
    link = await store.put(KEY, TokenSet("at", "rt"))
    assert link == await store.get(KEY)


async def test_services_that_are_only_entered():
    """Neither they nor what extauth.open makes of them can be taken by another loop before their own does."""
    provider = ScriptedLinkingProvider("scripted")
    async with extauth.open("memory://", [provider]) as auth:
        assert {"access_token", "refresh", "link"} == await refused_elsewhere(auth.tokens, "TokenService")
        assert {"begin", "complete", "unlink"} < await refused_elsewhere(auth.linking, "LinkingService")
        assert {"begin", "access_token", "links"} < await refused_elsewhere(auth, "Auth")
        assert await auth.links("alice") == []


async def test_what_is_not_entered_serves_the_loop_of_its_first_use():
    """As a module's global does."""
    store = MemoryLinkStore()
    service = TokenService(store, [provider := ScriptedProvider("scripted")])
    linking = LinkingService(store, [ScriptedLinkingProvider("scripted")])
    await store.put(KEY, provider.grant("alice"))
    await service.access_token("scripted", "alice")
    await linking.links("alice")
    await refused_elsewhere(store, "MemoryLinkStore")
    await refused_elsewhere(service, "TokenService")
    await refused_elsewhere(linking, "LinkingService")


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/links.db"], ids=["memory", "sqlite"])
def test_a_later_run(url, tmp_path):
    """The loop that it served being closed makes no other loop its own."""
    held = {}

    async def first():
        held["opening"] = open_store(url.format(tmp_path))
        store = await held["opening"].__aenter__()
        provider = ScriptedProvider("scripted")
        await store.put(KEY, provider.grant("alice"))
        held["store"], held["service"] = store, TokenService(store, [provider])
        await held["service"].access_token("scripted", "alice")

    async def later(what, *arguments):
        with pytest.raises(RuntimeError, match=f"this {type(what).__name__} belongs to another event loop"):
            await arguments[0](*arguments[1:])

    asyncio.run(first())
    asyncio.run(later(held["store"], held["store"].get, KEY))
    asyncio.run(later(held["service"], held["service"].access_token, "scripted", "alice"))
    asyncio.run(later(held["service"], held["service"].refresh, "scripted", "alice"))
    asyncio.run(held["service"].aclose())


def test_a_given_connection_outlives_a_loop(tmp_path):
    """The store goes over to the next loop when its own is closed, whatever it did there, and not before."""
    held = {}
    first = asyncio.new_event_loop()

    async def entered():
        connection = held["connection"] = await aiosqlite.connect(tmp_path / "l.db", isolation_level=None)
        held["store"] = await SqliteLinkStore(connection).__aenter__()
        return await held["store"].put(KEY, TokenSet("at", "rt"))

    link = first.run_until_complete(entered())
    store = held["store"]
    with pytest.raises(RuntimeError, match="this SqliteLinkStore belongs to another event loop"):
        asyncio.run(store.get(KEY))
    store._reads._busy = True  # as a loop that is stopped in the middle of a read leaves it
    first.close()

    async def later():
        async with asyncio.timeout(10):
            found = await store.get(KEY)
        await held["connection"].close()
        return found

    assert link == asyncio.run(later())


async def test_closing_a_service_is_for_its_own_loop():
    """While that loop could do it nobody else can, even with nothing under way."""
    async with TokenService(MemoryLinkStore(), [ScriptedProvider("scripted")]) as service:
        assert "RuntimeError: this TokenService belongs" in await asyncio.to_thread(
            elsewhere, service.aclose, (), {}
        )
        with pytest.raises(extauth.LinkNotFound):
            await service.access_token("scripted", "alice")


def test_where_no_loop_runs():
    """A coroutine that is driven by hand is told what is missing."""
    call = SingleFlight().do("key", lambda: asyncio.sleep(0))
    with pytest.raises(RuntimeError, match="this SingleFlight is used where no event loop runs"):
        call.send(None)


@pytest.mark.parametrize("store", ["memory", "sqlite", "postgres"])
@pytest.mark.parametrize("loop", ["the same", "another"])
def test_a_forked_process(store, loop, tmp_path, request):
    """It says so, leaves everything in order, and the parent goes on with its own connections."""
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/links.db"}.get(store)
    if url is None:
        url = request.getfixturevalue("postgres_dsn")
    told = subprocess.run(
        [sys.executable, "-W", "ignore", FORKING_APP, url, loop],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    name = {"memory": "MemoryLinkStore", "sqlite": "SqliteLinkStore", "postgres": "PostgresLinkStore"}[store]
    refusal = "was opened before this process was forked; open one in each process, after the fork"
    expected = [f"this {each} {refusal}" for each in (name, "TokenService", "LinkingService", "Auth")]
    assert ([*expected, "child left", "parent: at"], "", 0) == (
        told.stdout.splitlines(),
        told.stderr,
        told.returncode,
    )


@pytest.mark.parametrize("under_way", ["an exchange", "a save", "an unlink"])
def test_closing_a_service_whose_loop_was_closed_under_its_work(under_way):
    """What is unfinished there cannot be finished: that is said at once, and not waited for."""
    told = subprocess.run(
        [sys.executable, "-m", DEAD_LOOP_APP, under_way],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    name = "LinkingService" if under_way == "an unlink" else "TokenService"
    expected = f"RuntimeError: this {name} has work under way on an event loop that is closed"
    assert expected == told.stdout[: len(expected)]
