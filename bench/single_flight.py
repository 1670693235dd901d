"""``SingleFlight`` beside the bare ``asyncio.shield`` and the single-flight libraries on PyPI."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from aiocache import cached_stampede
from async_lru import alru_cache
from coalescer import Coalescer
from oneflight import AsyncOneFlight
from singleflight.asynchronous import SingleFlightAsync

from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio
from extauth.services.single_flight import SingleFlight

CALLERS = 10_000
ROUNDS = 15
KEYS = 2_000

Call = Callable[[], Awaitable[Any]]
Joiner = Callable[[str], Awaitable[Any]]
"""Joins the flight of a key, or starts it."""
Fresh = Callable[[Call], Joiner]
"""Makes a new group for one call, so that nothing is left of an earlier measurement."""

OURS = "extauth SingleFlight"
SHIELD = "asyncio.shield(future), nothing else"
PLAIN = "await the task itself, unprotected (a cancelled caller kills it)"

METHOD = f"""{CALLERS:,} tasks ask for one key whose call ends when all of them wait; time from making the
first task to the end of the last, of which making and running a task is the same for all. It is the
process's CPU time: nothing here waits for anything else. Memory is what `tracemalloc` sees while all of them
wait, less the same for tasks that await one bare future; memory per key is for {KEYS:,} keys with one caller
each, tasks included. async-lru and aiocache are caches, used here for their protection against stampedes;
aiocache's waiters look into its cache again when they are woken."""


def _extauth(call: Call) -> Joiner:
    group: SingleFlight[str, Any] = SingleFlight()
    return lambda key: group.do(key, call)


def _oneflight(call: Call) -> Joiner:
    group = AsyncOneFlight()
    return lambda key: group.do(key, call)


def _coalescer(call: Call) -> Joiner:
    group = Coalescer()
    return lambda key: group.do(key, call)


def _singleflight(call: Call) -> Joiner:
    group = SingleFlightAsync()
    return lambda key: group.call(call, key)


def _async_lru(call: Call) -> Joiner:
    @alru_cache(maxsize=None)
    async def cached(_: str) -> Any:
        return await call()

    return cached


def _aiocache(call: Call) -> Joiner:
    @cached_stampede(lease=60, key_builder=lambda _, key: key)
    async def cached(_: str) -> Any:
        return await call()

    return cached


def _shield(call: Call) -> Joiner:
    tasks: dict[str, asyncio.Future[Any]] = {}

    async def join(key: str) -> Any:
        task = tasks.get(key)
        if task is None:
            task = tasks[key] = asyncio.ensure_future(call())
        return await asyncio.shield(task)

    return join


def _plain(call: Call) -> Joiner:
    tasks: dict[str, asyncio.Future[Any]] = {}

    async def join(key: str) -> Any:
        task = tasks.get(key)
        if task is None:
            task = tasks[key] = asyncio.ensure_future(call())
        return await task

    return join


LIBRARIES: dict[str, Fresh] = {
    "oneflight": _oneflight,
    "coalescer": _coalescer,
    "singleflight": _singleflight,
    "async-lru": _async_lru,
    "aiocache": _aiocache,
}
SIDES: dict[str, Fresh] = {OURS: _extauth, **LIBRARIES, SHIELD: _shield, PLAIN: _plain}


async def _rounds_of_the_loop(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _timed(fresh: Fresh) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        gate = asyncio.Event()
        calls = 0

        async def call() -> str:
            nonlocal calls
            calls += 1
            await gate.wait()
            return "landed"

        join = fresh(call)
        began = time.process_time()
        tasks = [asyncio.ensure_future(join("key")) for _ in range(CALLERS)]
        await _rounds_of_the_loop(3)
        gate.set()
        await asyncio.gather(*tasks)
        taken = time.process_time() - began
        assert calls == 1
        return taken

    return measure


async def _memory(fresh: Fresh, keys: int, callers: int) -> float:
    """Return the bytes held while ``callers`` wait for each of ``keys``."""
    gate = asyncio.Event()

    async def call() -> str:
        await gate.wait()
        return "landed"

    join = fresh(call)
    names = [str(number) for number in range(keys)]
    gc.collect()
    tracemalloc.start()
    tasks = [asyncio.ensure_future(join(name)) for name in names for _ in range(callers)]
    await _rounds_of_the_loop(5)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gate.set()
    await asyncio.gather(*tasks)
    return held


async def measure(_: str) -> Part:
    times = await interleaved({name: _timed(fresh) for name, fresh in SIDES.items()}, ROUNDS)
    per_waiter = {name: await _memory(fresh, 1, CALLERS) / CALLERS for name, fresh in SIDES.items()}
    per_key = {name: await _memory(fresh, KEYS, 1) / KEYS for name, fresh in SIDES.items()}
    ours = times[OURS]
    fastest = min(LIBRARIES, key=lambda name: median(times[name]))
    figures = [
        Figure("SingleFlight: joining beside asyncio.shield(future)", ratio(ours, times[SHIELD]), 0.75),
        *(
            Figure(
                f"SingleFlight: joining beside {name}" + (", the fastest library" if name == fastest else ""),
                ratio(ours, times[name]),
                1.0,
            )
            for name in LIBRARIES
        ),
    ]
    rows = [
        (
            name,
            f"{median(times[name]) / CALLERS * 1e6:.2f} us",
            f"{ratio(ours, times[name]):.2f} x",
            f"{per_waiter[name] - per_waiter[PLAIN]:+,.0f} B",
            f"{per_key[name]:,.0f} B",
        )
        for name in SIDES
    ]
    header = ("side", "time per caller", "SingleFlight takes", "memory per waiter", "memory per key")
    return Part("Joining a flight", METHOD, figures, header, rows)
