"""What ``access_token()`` costs with few and with very many links stored."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import attrs

from bench.links import PROVIDER, database, fill_postgres, fill_sqlite
from bench.reads import Read, random_users, timed
from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio
from extauth import TokenService, open_store
from extauth.testing.scripted.provider import ScriptedProvider

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 20
GOAL = 1.3

METHOD = f"""Three databases of each kind, filled with the driver's bulk insert. The goal is for random users
of all that are stored, at either concurrency. The rows with {SIZES[0]:,} active users, spread over
all, stand for no goal: of what they take longer the database has the greater part."""


@attrs.frozen
class Load:
    """One way of reading."""

    what: str
    tasks: int
    reads: int
    among: int | None
    goal: bool


LOADS = (
    Load("concurrency 1, all users", 1, 200, None, goal=True),
    Load(f"concurrency 64, {SIZES[0]:,} active users", 64, 1_920, SIZES[0], goal=False),
    Load("concurrency 64, all users", 64, 1_920, None, goal=True),
)


async def _measure(name: str, urls: Mapping[int, str]) -> tuple[list[Figure], list[Sequence[str]]]:
    figures: list[Figure] = []
    rows: list[Sequence[str]] = []
    async with AsyncExitStack() as stack:
        reads: dict[int, Read] = {}
        for size, url in urls.items():
            store = await stack.enter_async_context(open_store(url, keys="plain"))
            tokens = await stack.enter_async_context(TokenService(store, [ScriptedProvider(PROVIDER)]))
            reads[size] = partial(tokens.access_token, PROVIDER)
        for load in LOADS:
            sides = {
                str(size): timed(read, random_users(size, load.reads, among=load.among), load.tasks)
                for size, read in reads.items()
            }
            times = await interleaved(sides, ROUNDS)
            smallest = times[str(SIZES[0])]
            ratios = {size: ratio(times[str(size)], smallest) for size in SIZES}
            if load.goal:
                what = f"{name}, {load.what}: the worse of 100,000 and 1,000,000 links beside 1,000"
                figures.append(Figure(what, max(ratios.values()), GOAL))
            cells = [f"{median(times[str(size)]) * 1e6:.0f} us ({ratios[size]:.2f} x)" for size in SIZES]
            rows.append([f"{name}, {load.what}", *cells])
    return figures, rows


async def measure(server: str) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        files = {size: Path(folder) / f"{size}.db" for size in SIZES}
        for size, path in files.items():
            await fill_sqlite(path, size)
        sqlite = await _measure("SQLite", {size: f"sqlite:///{path}" for size, path in files.items()})
    async with AsyncExitStack() as stack:
        dsns = {size: await stack.enter_async_context(database(server, f"size_{size}")) for size in SIZES}
        for size, dsn in dsns.items():
            await fill_postgres(dsn, size)
        postgres = await _measure("Postgres", dsns)
    header = ("access_token()", *(f"{size:,} links" for size in SIZES))
    return Part("Cost by size", METHOD, [*sqlite[0], *postgres[0]], header, [*sqlite[1], *postgres[1]])
