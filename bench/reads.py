"""A fresh token by ``access_token()``, beside the bare driver reading the same columns by primary key."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg

from bench.links import PROVIDER, database, fill_postgres, fill_sqlite, user
from bench.report import Figure, Part
from bench.rounds import interleaved, median, ratio
from extauth import TokenService, open_store
from extauth.testing.scripted.provider import ScriptedProvider

LINKS = 1_000
ROUNDS = 25
ALONE = 250
"""Reads a round at concurrency 1."""
TOGETHER = 64
READS_TOGETHER = 30 * TOGETHER

SELECT = """SELECT oauth_access_token, oauth_refresh_token, oauth_expiry FROM external_auth_links
WHERE provider_id = {} AND user_id = {}"""

Read = Callable[[str], Awaitable[Any]]

OURS = "access_token()"
METHOD = f"""{LINKS:,} links; each side reads the same random users of them, one after the other
(concurrency 1) or from {TOGETHER} tasks of which each asks again as soon as it has its answer. The bare side
selects access token, refresh token and expiry by primary key."""


def timed(
    read: Read,
    users: Callable[[], Sequence[str]],
    tasks: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[[], Awaitable[float]]:
    """Return a measurement: seconds per read."""

    async def measure() -> float:
        wanted = users()
        left = iter(wanted)

        async def task() -> None:
            for name in left:
                await read(name)

        began = clock()
        if tasks == 1:
            await task()
        else:
            await asyncio.gather(*(task() for _ in range(tasks)))
        return (clock() - began) / len(wanted)

    return measure


def random_users(links: int, reads: int, *, among: int | None = None) -> Callable[[], Sequence[str]]:
    """Return who shall be read: the same sequence for everyone who draws equally often.

    They are drawn from all, or from so many of them that are spread evenly.
    """
    generator = random.Random(links)
    step = links // (among or links)
    return lambda: [user(generator.randrange(0, links, step)) for _ in range(reads)]


async def _compare(alone: dict[str, Read], together: dict[str, Read]) -> dict[str, dict[str, list[float]]]:
    def sides(reads: dict[str, Read], count: int, tasks: int) -> dict[str, Callable[[], Awaitable[float]]]:
        return {name: timed(read, random_users(LINKS, count), tasks) for name, read in reads.items()}

    return {
        "1": await interleaved(sides(alone, ALONE, 1), ROUNDS),
        str(TOGETHER): await interleaved(sides(together, READS_TOGETHER, TOGETHER), ROUNDS),
    }


def _rows(database: str, measured: dict[str, dict[str, list[float]]]) -> list[tuple[str, ...]]:
    rows = []
    for tasks, sides in measured.items():
        ours = sides[OURS]
        for name, times in sides.items():
            one = median(times)
            rows.append(
                (
                    f"{database}, concurrency {tasks}: {name}",
                    f"{one * 1e6:.0f} us",
                    f"{1 / one:,.0f}",
                    f"{ratio(ours, times):.2f} x",
                )
            )
    return rows


async def sqlite() -> tuple[list[Figure], list[tuple[str, ...]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "links.db"
        await fill_sqlite(path, LINKS)
        select = SELECT.format("?", "?")
        provider = ScriptedProvider(PROVIDER)
        async with (
            open_store(f"sqlite:///{path}", keys="plain") as store,
            TokenService(store, [provider]) as tokens,
            aiosqlite.connect(path) as db,
        ):

            async def bare(name: str) -> Any:
                async with db.execute(select, (PROVIDER, name)) as cursor:
                    return await cursor.fetchone()

            async def one_trip(name: str) -> Any:
                return list(await db.execute_fetchall(select, (PROVIDER, name)))

            sides: dict[str, Read] = {
                OURS: partial(tokens.access_token, PROVIDER),
                "aiosqlite execute + fetchone": bare,
                "aiosqlite execute_fetchall": one_trip,
            }
            measured = await _compare(sides, sides)
    alone, together = measured["1"], measured[str(TOGETHER)]
    name = "aiosqlite execute + fetchone"
    figures = [
        Figure(
            "SQLite, concurrency 1: time beside bare aiosqlite",
            ratio(alone[OURS], alone[name]),
            1.0,
        ),
        Figure(
            f"SQLite, concurrency {TOGETHER}: calls per second beside bare aiosqlite",
            ratio(together[name], together[OURS]),
            5,
            at_least=True,
        ),
    ]
    return figures, _rows("SQLite", measured)


async def postgres(server: str) -> tuple[list[Figure], list[tuple[str, ...]]]:
    select = SELECT.format("$1", "$2")
    provider = ScriptedProvider(PROVIDER)
    async with database(server, "reads") as dsn:
        await fill_postgres(dsn, LINKS)
        async with (
            open_store(dsn, keys="plain") as store,
            TokenService(store, [provider]) as tokens,
            asyncpg.create_pool(dsn) as pool,
        ):
            dedicated = await asyncpg.connect(dsn)
            statement = await dedicated.prepare(select)

            async def pooled(name: str) -> Any:
                return await pool.fetchrow(select, PROVIDER, name)

            async def prepared(name: str) -> Any:
                return await statement.fetchrow(PROVIDER, name)

            together: dict[str, Read] = {
                OURS: partial(tokens.access_token, PROVIDER),
                "asyncpg pool.fetchrow": pooled,
            }
            alone = {**together, "asyncpg prepared statement": prepared}
            measured = await _compare(alone, together)
            await dedicated.close()
    one, many = measured["1"], measured[str(TOGETHER)]
    figures = [
        Figure(
            "Postgres, concurrency 1: time beside pool.fetchrow",
            ratio(one[OURS], one["asyncpg pool.fetchrow"]),
            0.7,
        ),
        Figure(
            "Postgres, concurrency 1: time beside a prepared statement on a dedicated connection",
            ratio(one[OURS], one["asyncpg prepared statement"]),
            1.2,
        ),
        Figure(
            f"Postgres, concurrency {TOGETHER}: calls per second beside pool.fetchrow on 10 connections",
            ratio(many["asyncpg pool.fetchrow"], many[OURS]),
            10,
            at_least=True,
        ),
    ]
    return figures, _rows("Postgres", measured)


async def measure(server: str) -> Part:
    found = [await sqlite(), await postgres(server)]
    return Part(
        title="Reading a fresh token",
        method=METHOD,
        figures=[figure for figures, _ in found for figure in figures],
        header=("side", "time per call", "calls per second", "access_token() takes"),
        rows=[row for _, rows in found for row in rows],
    )
