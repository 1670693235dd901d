"""A token served from memory, beside the bare driver reading the link's row; and what memory it takes."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg

from bench.links import LIFETIME, PROVIDER, database, fill_postgres, fill_sqlite, user
from bench.reads import SELECT, random_users, timed
from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio
from extauth import Link, LinkKey, RefreshPolicy, TokenService, TokenSet, open_store
from extauth.clock import SystemClock
from extauth.domain.own_writes import OwnWrites
from extauth.services.refresh.remembered import RememberedLinks
from extauth.testing.scripted.provider import ScriptedProvider

LINKS = 1_000
REMEMBERED = int(os.environ.get("EXTAUTH_BENCH_REMEMBERED", "100000"))
"""How many links are remembered where memory is measured: a million takes a gigabyte and a half."""
ROUNDS = 25
READS = 2_000
DRIVER_READS = 250
MICROSECONDS, TIMES, BYTES = 3, 60, 1500

OURS, ASKED = "access_token(), remembered", "access_token(), asking the store"
ALONE = f"{OURS}, processor's time"

METHOD = f"""{LINKS:,} links, all remembered; each side reads random users of them, one after the other.
The first side is the processor's time, the others are by the clock on the wall. The bare side selects access
token, refresh token and expiry by primary key, as under "Reading a fresh token". Memory is by what a process
grows with {REMEMBERED:,} links of one service, read one by one, each with tokens, scopes and times of its
own; `EXTAUTH_BENCH_REMEMBERED` sets how many."""

Side = Callable[[], Awaitable[float]]


def remembering(most: int) -> RefreshPolicy:
    return RefreshPolicy(remember_for=timedelta(hours=1), remember_most=most)


def sides(ours: TokenService, asked: TokenService, bare: Callable[[str], Awaitable[Any]]) -> dict[str, Side]:
    return {
        ALONE: timed(
            partial(ours.access_token, PROVIDER), random_users(LINKS, READS), 1, clock=time.process_time
        ),
        OURS: timed(partial(ours.access_token, PROVIDER), random_users(LINKS, READS), 1),
        ASKED: timed(partial(asked.access_token, PROVIDER), random_users(LINKS, DRIVER_READS), 1),
        "the bare driver": timed(bare, random_users(LINKS, DRIVER_READS), 1),
    }


async def measured(
    name: str, store: Any, bare: Callable[[str], Awaitable[Any]]
) -> tuple[list[Figure], list[tuple[str, ...]]]:
    provider = ScriptedProvider(PROVIDER)
    async with (
        TokenService(store, [provider], policy=remembering(LINKS)) as ours,
        TokenService(store, [provider]) as asked,
    ):
        for number in range(LINKS):
            await ours.access_token(PROVIDER, user(number))
        times = await interleaved(sides(ours, asked, bare), ROUNDS)
    driver = times["the bare driver"]
    figures = [
        Figure(
            f"{name}: a remembered read, processor's time", median(times[ALONE]) * 1e6, MICROSECONDS, "us"
        ),
        Figure(f"{name}: the bare driver beside it", ratio(driver, times[OURS]), TIMES, at_least=True),
    ]
    rows = [
        (f"{name}: {side}", f"{median(each) * 1e6:.1f} us", f"{ratio(driver, each):.1f} x")
        for side, each in times.items()
    ]
    return figures, rows


async def sqlite() -> tuple[list[Figure], list[tuple[str, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "links.db"
        await fill_sqlite(path, LINKS)
        select = SELECT.format("?", "?")
        async with open_store(f"sqlite:///{path}", keys="plain") as store, aiosqlite.connect(path) as db:

            async def bare(name: str) -> Any:
                async with db.execute(select, (PROVIDER, name)) as cursor:
                    return await cursor.fetchone()

            return await measured("SQLite", store, bare)


async def postgres(server: str) -> tuple[list[Figure], list[tuple[str, ...]]]:
    select = SELECT.format("$1", "$2")
    async with database(server, "remember") as dsn:
        await fill_postgres(dsn, LINKS)
        async with open_store(dsn, keys="plain") as store, asyncpg.create_pool(dsn) as pool:

            async def bare(name: str) -> Any:
                return await pool.fetchrow(select, PROVIDER, name)

            return await measured("Postgres", store, bare)


class OfNobody:
    """Makes each link anew, as a database's rows are decoded: nothing of it is kept elsewhere."""

    def __init__(self) -> None:
        self.own_writes = OwnWrites()
        self.now = datetime.now(UTC)

    async def get(self, key: LinkKey) -> Link:
        number = int(key.user_id.rpartition("-")[2])
        issued_at = self.now + timedelta(microseconds=number)
        tokens = TokenSet(
            # As long as the tokens of common providers.
            f"at-{number:037d}",
            f"rt-{number:073d}",
            expires_at=issued_at + LIFETIME,
            issued_at=issued_at,
            scopes={"repo", "user"},
        )
        return Link(LinkKey(str(key.provider_id), user(number)), tokens, 1, issued_at, issued_at)


async def remember(count: int) -> float:
    """Return by how many bytes a link this process has grown."""
    store, provider = OfNobody(), ScriptedProvider(PROVIDER)
    links = RememberedLinks(remembering(count), SystemClock())
    before = resident()
    for number in range(count + count // 100):  # the last of them push the first ones out
        key = LinkKey(PROVIDER, user(number))
        begun = links.begin(key)
        links.end(key, begun, await store.get(key), provider)
    assert len(links) == count
    return (resident() - before) / count


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def memory() -> float:
    """Return bytes per link, in a process that has done nothing else."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.remember", str(REMEMBERED), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return float(told)


async def measure(server: str) -> Part:
    found = [await sqlite(), await postgres(server)]
    figure = Figure(f"a link, of {REMEMBERED:,}", await memory(), BYTES, "B")
    return Part(
        title="Remembered links",
        method=METHOD,
        figures=[*(figure for figures, _ in found for figure in figures), figure],
        header=("side", "time per call", "the bare driver takes"),
        rows=[row for _, rows in found for row in rows],
    )


if __name__ == "__main__":
    print(asyncio.run(remember(int(sys.argv[1]))))
