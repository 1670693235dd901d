"""What ``access_token()`` costs with few and with very many links stored."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.links import PROVIDER, database, fill_postgres, fill_sqlite
from bench.reads import Read, random_users, timed
from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio
from extauth import TokenService, open_store
from extauth.testing.scripted_provider import ScriptedProvider

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 25
READS = {1: 200, 64: 1_920}
"""Reads a round, by concurrency."""

METHOD = """Three databases of each kind, filled with the driver's bulk insert; random users of all of them are
read. The ratios are to the smallest."""


async def _measure(stack: AsyncExitStack, urls: Mapping[int, str]) -> dict[int, dict[int, list[float]]]:
    """Return the times per read by concurrency and size."""
    provider = ScriptedProvider(PROVIDER)
    reads: dict[int, Read] = {}
    for size, url in urls.items():
        store = await stack.enter_async_context(open_store(url))
        reads[size] = _read(await stack.enter_async_context(TokenService(store, [provider])))
    measured = {}
    for tasks, count in READS.items():
        sides = {str(size): timed(read, random_users(size, count), tasks) for size, read in reads.items()}
        measured[tasks] = {int(size): times for size, times in (await interleaved(sides, ROUNDS)).items()}
    return measured


def _read(tokens: TokenService) -> Read:
    async def read(name: str) -> Any:
        return await tokens.access_token(PROVIDER, name)

    return read


def _report(name: str, measured: dict[int, dict[int, list[float]]]) -> tuple[list[Figure], list[list[str]]]:
    figures, rows = [], []
    for tasks, times in measured.items():
        smallest = times[SIZES[0]]
        ratios = {size: ratio(times[size], smallest) for size in SIZES[1:]}
        figures.append(
            Figure(
                f"{name}, concurrency {tasks}: the worse of 100,000 and 1,000,000 links beside 1,000",
                max(ratios.values()),
                1.3,
            )
        )
        cells = [
            f"{median(times[size]) * 1e6:.0f} us ({ratio(times[size], smallest):.2f} x)" for size in SIZES
        ]
        rows.append([f"{name}, concurrency {tasks}", *cells])
    return figures, rows


async def measure(server: str) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            files = {size: Path(folder) / f"{size}.db" for size in SIZES}
            for size, path in files.items():
                await fill_sqlite(path, size)
            urls = {size: f"sqlite:///{path}" for size, path in files.items()}
            sqlite = _report("SQLite", await _measure(stack, urls))
    async with AsyncExitStack() as stack:
        urls = {}
        for size in SIZES:
            urls[size] = await stack.enter_async_context(database(server, f"size_{size}"))
            await fill_postgres(urls[size], size)
        async with AsyncExitStack() as opened:
            postgres = _report("Postgres", await _measure(opened, urls))
    header = ("access_token()", *(f"{size:,} links" for size in SIZES))
    figures = [*sqlite[0], *postgres[0]]
    return Part("Cost by size", METHOD, figures, header, [*sqlite[1], *postgres[1]])
