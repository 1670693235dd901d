"""Rotations of distinct links, of this version and of the last one that had a transaction for each write."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from bench.links import database
from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio

BEFORE = "17fde172"
"""The last commit before writes shared transactions; another one by ``EXTAUTH_BENCH_BEFORE``."""
ROUNDS = 9
SECONDS = 1.0
CALLERS = (64, 1)
GOALS = {"SQLite": 8.0, "Postgres": 4.0}
GOAL_ALONE = 1.05

METHOD = f"""One process has a store and a token service, and a provider in memory that answers at once.
Its callers refresh one link after another, of 512, for {SECONDS:g} s a round. The other process does the
same with the code of commit {BEFORE}, on a database of its own. Shown are the medians over {ROUNDS} rounds;
CPU is the process' own, without Postgres'."""

Rotate: TypeAlias = Callable[[int], Awaitable[dict[str, float]]]


@asynccontextmanager
async def _side(source: Path | None, store: str) -> AsyncGenerator[Rotate, None]:
    environment = dict(os.environ)
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rotation_side", stdin=PIPE, stdout=PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None

    async def tell(order: dict[str, object]) -> dict[str, float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        told: dict[str, float] = json.loads(await process.stdout.readline())
        return told

    try:
        await tell({"store": store})
        yield lambda callers: tell({"callers": callers, "seconds": SECONDS})
    finally:
        process.stdin.close()
        await process.wait()


def older(folder: Path) -> Path:
    """Put the package as it was at that commit into a folder, and return its ``src``."""
    commit = os.environ.get("EXTAUTH_BENCH_BEFORE", BEFORE)
    archive = subprocess.run(["git", "archive", commit, "src"], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive)
    return folder / "src"


async def compare(rotates: dict[str, Rotate], callers: int) -> dict[str, dict[str, list[float]]]:
    """Measure both versions by alternating rounds: wall and CPU seconds for each rotation."""
    cpu: dict[str, list[float]] = {name: [] for name in rotates}

    def side(name: str) -> Callable[[], Awaitable[float]]:
        async def measured() -> float:
            told = await rotates[name](callers)
            cpu[name].append(told["cpu"])
            return told["each"]

        return measured

    each = await interleaved({name: side(name) for name in rotates}, ROUNDS)
    return {"each": each, "cpu": cpu}


def _only() -> set[str]:
    """Which databases, by ``EXTAUTH_BENCH_STORES``; all of them without it."""
    said = os.environ.get("EXTAUTH_BENCH_STORES")
    return set(GOALS) if said is None else set(said.split(","))


async def measure(server: str, on: str = "") -> Part:
    figures, rows = [], []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = older(folder)
        sides = {"before": before, "now": None}
        dsns = {
            name: await stack.enter_async_context(database(server, f"rotations_{name}")) for name in sides
        }
        stores = {
            "SQLite": {name: f"sqlite:///{folder / name}.db" for name in sides},
            "Postgres": dsns,
        }
        for name, urls in stores.items():
            if name not in _only():
                continue
            rotates = {
                side: await stack.enter_async_context(_side(source, urls[side]))
                for side, source in sides.items()
            }
            for callers in CALLERS:
                measured = await compare(rotates, callers)
                each, cpu = measured["each"], measured["cpu"]
                what = f"Rotations{on}, {name}, {callers} caller{'s' if callers > 1 else ''}"
                if callers > 1:
                    times = ratio(each["before"], each["now"])
                    figures.append(Figure(f"{what}: as many a second", times, GOALS[name], at_least=True))
                else:
                    figures.append(Figure(f"{what}: time", ratio(each["now"], each["before"]), GOAL_ALONE))
                rows.append(
                    (
                        f"{name}, {callers}",
                        *(f"{1 / median(each[side]):.0f} /s" for side in sides),
                        *(f"{median(cpu[side]) * 1e3:.2f} ms" for side in sides),
                    )
                )
    header = ("store, callers", "before", "now", "CPU before", "CPU now")
    return Part(f"Rotations of distinct links{on}", METHOD, figures, header, rows)
