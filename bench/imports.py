"""What importing extauth costs, and what starting it with the whole catalogue costs."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bench.report import Figure, Part
from bench.rounds import Side, interleaved, median, ratio
from extauth import LinkingProvider, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.providers import CATALOGUE, Preset

ROUNDS = 30
GOAL = 1.3
STARTING_GOAL = 5_000.0
"""Microseconds."""

BASE = "import asyncio, attrs"
IMPORT = "import extauth"
IMPORTS = (
    BASE,
    IMPORT,
    "from extauth import ExtAuthError",
    "from extauth import TokenService",
    "import extauth; extauth.open",
    "from extauth import *",
    "import asyncio, attrs, aiohttp",
    "from extauth.adapters.providers import github",
)

METHOD = f"""Each round starts a fresh interpreter for each side, which imports what the row says and tells
the CPU time that took; everything is compiled beforehand, as installing does. `import extauth` makes its
names known and imports each where it is first used, so that it costs less than what it will need; the rows
below it say what using them costs, asyncio, attrs and (for providers) aiohttp included. Starting:
`async with TokenService(...)` on a store in memory with one client of each of the {len(CATALOGUE)} presets,
less the same with none, in one process; making the clients is beside it."""


def _imported(statement: str, environment: Mapping[str, str]) -> Side:
    script = f"import time; began = time.process_time()\n{statement}\nprint(time.process_time() - began)"

    async def measure() -> float:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, env=environment, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        assert process.returncode == 0, statement
        return float(told)

    return measure


def _client_of(preset: Preset) -> LinkingProvider:
    examples: dict[str, Any] = {each.name: each.example for each in preset.variables if each.default is None}
    return preset(client_id="id", client_secret="no secret", **examples)


def _started(providers: Sequence[LinkingProvider]) -> Side:
    async def measure() -> float:
        async with MemoryLinkStore() as store:
            began = time.perf_counter()
            async with TokenService(store, providers):
                return time.perf_counter() - began

    return measure


async def _made() -> float:
    began = time.perf_counter()
    for preset in CATALOGUE.values():
        _client_of(preset)
    return time.perf_counter() - began


async def measure(_server: str) -> Part:
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        # The first round does not count: it compiles.
        times = await interleaved({each: _imported(each, environment) for each in IMPORTS}, ROUNDS)
    clients = [_client_of(preset) for preset in CATALOGUE.values()]
    sides = {"none": _started([]), "all": _started(clients), "made": partial(_made)}
    starts = await interleaved(sides, ROUNDS)
    more = median([one - other for one, other in zip(starts["all"], starts["none"], strict=True)]) * 1e6
    rows: list[Sequence[str]] = [
        (f"`{each}`", f"{median(times[each]) * 1e3:.1f} ms", f"{ratio(times[each], times[BASE]):.2f} x")
        for each in IMPORTS
    ]
    rows += [
        ("a `TokenService` without providers, started", f"{median(starts['none']) * 1e3:.2f} ms", ""),
        (f"one with {len(clients)} presets, started", f"{median(starts['all']) * 1e3:.2f} ms", ""),
        (f"making a client of each of {len(clients)} presets", f"{median(starts['made']) * 1e3:.2f} ms", ""),
    ]
    figures = [
        Figure(f"`{IMPORT}` beside `{BASE}`", ratio(times[IMPORT], times[BASE]), GOAL),
        Figure(
            f"TokenService with {len(clients)} presets: more time to start than an empty one",
            more,
            STARTING_GOAL,
            "us",
        ),
    ]
    return Part("Importing and starting", METHOD, figures, ("", "CPU time", f"beside `{BASE}`"), rows)
