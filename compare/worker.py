"""One process of the application: ``python -m compare.worker MODULE NAME``, with orders as JSON lines."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from compare.orders import Way

READS, WARM_UP = 1000, 20
LONGEST = 15.0
"""Seconds in which no more is measured."""


async def ask(way: Way, user: str, callers: int, start: float, patience: float | None) -> dict[str, Any]:
    """Let all callers ask at ``start``, of the clock that all processes of a machine share."""
    await asyncio.sleep(start - time.monotonic())
    calls = (asyncio.wait_for(way.token(user), patience) for _ in range(callers))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    errors = [type(answer).__name__ for answer in answers if isinstance(answer, BaseException)]
    return {"tokens": [answer for answer in answers if isinstance(answer, str)], "errors": errors}


async def reads(way: Way, user: str) -> dict[str, Any]:
    """Return how long the token of a fresh link takes beside a bare read, and the bare read's seconds."""
    in_thread: Any = getattr(way, "in_thread", None)
    if in_thread is not None:
        measured: dict[str, Any] = await in_thread(_blocking_reads, user)
        return measured
    taken: dict[str, list[float]] = {"token": [], "bare": []}
    for name in _turns():
        began = time.perf_counter()
        await getattr(way, name)(user)
        taken[name].append(time.perf_counter() - began)
    return _ratio(taken)


def _blocking_reads(way: Any, user: str) -> dict[str, Any]:
    taken: dict[str, list[float]] = {"token": [], "bare": []}
    for name in _turns():
        began = time.perf_counter()
        getattr(way, name)(user)
        taken[name].append(time.perf_counter() - began)
    return _ratio(taken)


def _turns() -> Iterator[str]:
    """One call of each side after the other, so that what disturbs the machine disturbs both."""
    ends = time.monotonic() + LONGEST
    for number in range(READS):
        if time.monotonic() > ends:
            return
        yield from ("token", "bare") if number % 2 else ("bare", "token")


def _ratio(taken: dict[str, list[float]]) -> dict[str, Any]:
    token, bare = (statistics.median(taken[name][WARM_UP:]) for name in ("token", "bare"))
    return {"ratio": token / bare, "bare": bare}


async def obey(way: Way, order: dict[str, Any]) -> Any:
    """Carry one order out, and return what came of it."""
    match order.pop("do"):
        case "connect":
            return await way.connect(**order)
        case "ask":
            return await ask(way, **order)
        case "stored":
            return await way.stored(**order)
        case "reads":
            return await reads(way, **order)
        case unknown:
            raise ValueError(unknown)


async def main(module: str, name: str) -> None:
    """Open the way, and take orders until there are no more."""
    logging.disable()  # what goes wrong is counted
    inbox = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    async with getattr(importlib.import_module(module), name)(orders) as way:
        print("{}", flush=True)
        while line := await inbox.readline():
            print(json.dumps(await obey(way, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
