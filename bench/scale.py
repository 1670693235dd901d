"""What the calls of a store cost among ten million links, beside one million; and a rotation its server.

Not part of a run of everything: ``python -m bench scale`` takes 20 GB and half an hour on Linux.
``EXTAUTH_BENCH_SCALE=100000,1000000`` compares others.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import attrs

from bench.links import LIFETIME, database
from bench.many_links import PARTITIONS, fill_postgres, fill_sqlite, key_of
from bench.report import Figure, Part
from bench.rounds import Side, interleaved, median, ratio
from bench.server_cost import cost_of_rotations, disk
from extauth import LinkKey, open_store
from extauth.domain.due import Due, DueBy
from extauth.domain.linking_ports import Store

SMALL, LARGE = (int(size) for size in os.environ.get("EXTAUTH_BENCH_SCALE", "1000000,10000000").split(","))
ROUNDS = 9
GOAL = 1.3
PAGE = 1_000
TTL = timedelta(minutes=5)

METHOD = f"""Each user has two links, whose access tokens expire evenly over {LIFETIME} to come and the
hour before. Both sizes are databases of one server, and files on one disk, measured in alternating
rounds; each call is of a link drawn at random from all of them, one after the other. A time is the
median of {ROUNDS} rounds, and in each the median of its calls. The databases are larger than what Postgres
(128 MB of `shared_buffers`, its default) and SQLite keep themselves, and fit into the machine's memory.
In the last two columns the same table is in {PARTITIONS} partitions, by a hash of the primary key or of
the user's id."""

Call: TypeAlias = Callable[[Store, LinkKey], Awaitable[float]]


async def _read(store: Store, key: LinkKey) -> float:
    began = time.perf_counter()
    assert await store.get(key) is not None
    return time.perf_counter() - began


async def _claim(store: Store, key: LinkKey) -> float:
    link = await store.get(key)
    assert link is not None
    began = time.perf_counter()
    await store.claim(key, link.version, "bench", TTL)
    taken = time.perf_counter() - began
    await store.release(key, link.version, "bench")
    return taken


async def _save(store: Store, key: LinkKey) -> float:
    link = await store.get(key)
    assert link is not None
    now = datetime.now(UTC)
    tokens = attrs.evolve(link.tokens, issued_at=now, expires_at=now + LIFETIME)
    began = time.perf_counter()
    await store.save(key, link.version, tokens)
    return time.perf_counter() - began


async def _due(store: Store, key: LinkKey) -> float:
    middle = datetime.now(UTC) + LIFETIME * random.Random(key.user_id).uniform(0, 0.7)
    after = Due(middle, key)
    began = time.perf_counter()
    page = await store.due(
        key.provider_id, DueBy.EXPIRY, datetime.max.replace(tzinfo=UTC), after=after, limit=PAGE
    )
    taken = time.perf_counter() - began
    assert len(page) == PAGE
    return taken


async def _list(store: Store, key: LinkKey) -> float:
    began = time.perf_counter()
    assert len(await store.links_of(key.user_id)) == 2
    return time.perf_counter() - began


CALLS: Mapping[str, tuple[Call, int]] = {
    "read": (_read, 200),
    "claim": (_claim, 30),
    "save": (_save, 30),
    f"the next {PAGE:,} due": (_due, 5),
    "list by user": (_list, 200),
}
"""By name, with how often a round makes it."""


def _side(store: Store, size: int, call: Call, times: int) -> Side:
    rng = random.Random(size)

    async def measure() -> float:
        # The median: of calls that wait for a disk, or a turn on the processor, some take very long.
        return median([await call(store, key_of(rng.randrange(size))) for _ in range(times)])

    return measure


async def compared(
    name: str, urls: Mapping[str, tuple[str, int]]
) -> tuple[list[Figure], list[Sequence[str]]]:
    figures: list[Figure] = []
    rows: list[Sequence[str]] = []
    async with AsyncExitStack() as stack:
        stores = {
            side: (await stack.enter_async_context(open_store(url, keys="plain")), size)
            for side, (url, size) in urls.items()
        }
        for what, (call, times) in CALLS.items():
            sides = {side: _side(store, size, call, times) for side, (store, size) in stores.items()}
            taken = await interleaved(sides, ROUNDS)
            first = next(iter(sides))
            ratios = {side: ratio(taken[side], taken[first]) for side in sides}
            cells = [f"{median(taken[side]) * 1e6:,.0f} us ({ratios[side]:.2f} x)" for side in sides]
            rows.append(_row(f"{name}: {what}", cells))
            beside = f"{name}: {what}, among {LARGE:,} links beside {SMALL:,}"
            figures.append(Figure(beside, ratios[f"{LARGE:,} links"], GOAL))
    return figures, rows


_PARTITIONED = {f"{SMALL:,}, by key": "provider_id, user_id", f"{SMALL:,}, by user": "user_id"}
_HEADER = ("call", f"{SMALL:,} links", f"{LARGE:,} links", *_PARTITIONED)


def _row(what: str, cells: Sequence[str]) -> Sequence[str]:
    return [what, *cells, *[""] * (len(_HEADER) - 1 - len(cells))]


async def measure(server: str) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        paths = {size: Path(folder) / f"{size}.db" for size in (SMALL, LARGE)}
        files = {f"{size:,} links": (await fill_sqlite(path, size), size) for size, path in paths.items()}
        sqlite = await compared("SQLite", files)
        rows = [
            _row(
                "SQLite: bytes a link", [f"{path.stat().st_size / size:,.0f}" for size, path in paths.items()]
            )
        ]
    async with AsyncExitStack() as stack:
        databases: dict[str, tuple[str, int]] = {}
        for number, side in enumerate(_HEADER[1:]):
            size = LARGE if side == f"{LARGE:,} links" else SMALL
            dsn = await stack.enter_async_context(database(server, f"scale_{number}"))
            await fill_postgres(dsn, size, partitioned_by=_PARTITIONED.get(side))
            databases[side] = dsn, size
        weights = [f"{await disk(dsn) / size:,.0f}" for dsn, size in databases.values()]
        postgres = await compared("Postgres", databases)
        costs = [await cost_of_rotations(dsn, size) for dsn, size in databases.values()]
        rows += [
            _row("Postgres: bytes a link", weights),
            _row("Postgres: CPU of a rotation", [f"{cost.cpu * 1e6:,.0f} us" for cost in costs]),
            _row("Postgres: log of a rotation", [f"{cost.written / 1e3:.1f} KB" for cost in costs]),
            _row("the same, compressed", [f"{cost.written_compressed / 1e3:.1f} KB" for cost in costs]),
        ]
    return Part(
        "Very many links",
        METHOD,
        [*sqlite[0], *postgres[0]],
        _HEADER,
        [*sqlite[1], *postgres[1], *rows],
    )
