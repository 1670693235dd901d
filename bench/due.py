"""The next links that are due, among few and very many; and what the indexes cost a save.

``EXTAUTH_BENCH_DUE=10000000`` measures among that many, too: it takes 15 GB and a quarter of an hour.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import attrs

from bench.links import LIFETIME, PROVIDER, database, fill_postgres, fill_sqlite, user
from bench.report import Figure, Part
from bench.rounds import Side, interleaved, median, ratio
from extauth import LinkKey, open_store
from extauth.adapters.postgres import due_schema as postgres_schema
from extauth.adapters.sqlite import due_schema as sqlite_schema
from extauth.domain.due import Due, DueBy
from extauth.domain.linking_ports import Store

SIZES = tuple(sorted({100_000, 1_000_000, int(os.environ.get("EXTAUTH_BENCH_DUE", "1_000_000"))}))
PAGE = 1_000
ROUNDS = 15
GOAL = 10.0
SAVED_LINKS = 100_000
SAVES = 200

METHOD = f"""Links whose access tokens expire evenly over {LIFETIME} to come and the hour before, in random
order; every tenth is named below the provider, another tenth is another provider's. Half of their refresh
tokens have a known end, and are due at the same moment. The next {PAGE:,} are listed by `store.due`, from the
first on and after one in the middle; caches are warm, and the least of the rounds is shown, since all that
anybody else on the machine does makes a page take longer. A save is `store.save` of a random link of
{SAVED_LINKS:,}, one after the other, beside the same database whose three indexes were dropped."""

_COLUMNS = """provider_id, user_id, version, created_at, updated_at, oauth_written_at, oauth_access_token,
  oauth_refresh_token, oauth_expiry, oauth_issued_at, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_refresh_token_expiry"""

_NAMES = ("external_auth_links_by_expiry", "external_auth_links_by_half_life", "external_auth_links_by_age")

# 7919 and the sizes have no common divisor: the expiries are spread, and every link has its own.
_SQLITE = """INSERT INTO external_auth_links ({columns})
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {size} - 1)
SELECT CASE n % 10 WHEN 0 THEN 'github/work' WHEN 1 THEN 'gitlab' ELSE 'github' END,
  printf('user-%08d', n), 1, {now}, {now}, {now} - n, printf('at-%037d', n), printf('rt-%073d', n),
  {now} + (n * 7919 % {size}) * {span} / {size} - 3600000000, {now}, '["repo"]', 'Bearer', '',
  CASE n % 2 WHEN 0 THEN {now} + 15552000000000 + n END
FROM numbers"""

_POSTGRES = """INSERT INTO external_auth_links ({columns})
SELECT CASE n % 10 WHEN 0 THEN 'github/work' WHEN 1 THEN 'gitlab' ELSE 'github' END,
  'user-' || lpad(n::text, 8, '0'), 1, now(), now(), now() - n * interval '1 microsecond',
  'at-' || lpad(n::text, 37, '0'), 'rt-' || lpad(n::text, 73, '0'),
  now() + (n * 7919 % {size}) * interval '{span} microseconds' / {size} - interval '1 hour', now(),
  '["repo"]', 'Bearer', '',
  CASE n % 2 WHEN 0 THEN now() + interval '180 days' + n * interval '1 microsecond' END
FROM generate_series(0::bigint, {size} - 1) AS n"""

_SPAN = (LIFETIME + timedelta(hours=1)) // timedelta(microseconds=1)


async def _fill_sqlite(path: Path, size: int) -> str:
    url = f"sqlite:///{path}"
    async with open_store(url, keys="plain"):
        pass
    db = sqlite3.connect(path, isolation_level=None)
    for name in (*_NAMES, "external_auth_links_user"):
        db.execute(f"DROP INDEX {name}")
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_SQLITE.format(columns=_COLUMNS, size=size, now=int(time.time() * 1e6), span=_SPAN))
    for index in sqlite_schema.DUE_INDEXES:
        db.execute(index)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return url


async def _fill_postgres(dsn: str, size: int) -> str:
    async with open_store(dsn, keys="plain"):
        pass
    connection = await asyncpg.connect(dsn)
    for name in (*_NAMES, "external_auth_links_user"):
        await connection.execute(f"DROP INDEX {name}")
    await connection.execute(_POSTGRES.format(columns=_COLUMNS, size=size, span=_SPAN))
    for index in postgres_schema.DUE_INDEXES:
        await connection.execute(index)
    await connection.execute("VACUUM ANALYZE external_auth_links")
    await connection.close()
    return dsn


def _pages(store: Store, by: DueBy, after: Due | None) -> Side:
    late = datetime.now(UTC) + timedelta(days=365)

    async def measure() -> float:
        began = time.perf_counter()
        page = await store.due(PROVIDER, by, late, after=after, limit=PAGE)
        taken = time.perf_counter() - began
        assert len(page) == PAGE
        return taken

    return measure


async def _listed(name: str, urls: Mapping[int, str]) -> tuple[list[Figure], list[Sequence[str]]]:
    figures: list[Figure] = []
    rows: list[Sequence[str]] = []
    async with AsyncExitStack() as stack:
        stores = {
            size: await stack.enter_async_context(open_store(url, keys="plain")) for size, url in urls.items()
        }
        for by in DueBy:
            for where in ("from the first on", "from the middle on"):
                sides: dict[str, Side] = {}
                for size, store in stores.items():
                    after = None
                    if where == "from the middle on":
                        [first] = await store.due(PROVIDER, by, datetime.max.replace(tzinfo=UTC), limit=1)
                        middle = {DueBy.EXPIRY: timedelta(hours=4), DueBy.HALF_LIFE: timedelta(0)}
                        later = middle.get(by, size // 2 * timedelta(microseconds=1))
                        after = Due(first.at + later, LinkKey(PROVIDER, f"user-{size // 2:08}"))
                    sides[str(size)] = _pages(store, by, after)
                times = await interleaved(sides, ROUNDS)
                least = {size: min(times[str(size)]) * 1e3 for size in SIZES}
                what = f"{name}, by {by.value}, {where}"
                figures.append(
                    Figure(f"{what}: the next {PAGE:,} of {SIZES[-1]:,}", least[SIZES[-1]], GOAL, "ms")
                )
                rows.append([what, *(f"{least[size]:.1f} ms" for size in SIZES)])
    return figures, rows


def _saves(store: Store, numbers: Sequence[int]) -> Side:
    async def measure() -> float:
        taken = 0.0
        for number in numbers:
            link = await store.get(LinkKey(PROVIDER, user(number)))
            assert link is not None
            now = datetime.now(UTC)
            tokens = attrs.evolve(
                link.tokens,
                issued_at=now,
                expires_at=now + LIFETIME,
                refresh_token_expires_at=now + 99 * LIFETIME,
            )
            began = time.perf_counter()
            await store.save(link.key, link.version, tokens)
            taken += time.perf_counter() - began
        return taken / len(numbers)

    return measure


async def _saved(name: str, urls: Mapping[str, str]) -> tuple[Figure, Sequence[str]]:
    async with AsyncExitStack() as stack:
        sides = {}
        for side, url in urls.items():
            store = await stack.enter_async_context(open_store(url, keys="plain"))
            numbers = [number * 7919 % SAVED_LINKS for number in range(SAVES)]
            sides[side] = _saves(store, numbers)
        times = await interleaved(sides, ROUNDS)
    costs = ratio(times["with"], times["without"])
    row = [f"{name}: a save with the indexes ({costs:.2f} x)", f"{median(times['with']) * 1e6:.0f} us"]
    without = [f"without: {median(times['without']) * 1e6:.0f} us", *[""] * (len(SIZES) - 2)]
    return Figure(f"{name}: a save with the indexes beside one without", costs, 1.5), [*row, *without]


async def measure(server: str) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: await _fill_sqlite(Path(folder) / f"{size}.db", size) for size in SIZES}
        sqlite = await _listed("SQLite", urls)
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: Path(folder) / f"{side}.db" for side in ("with", "without")}
        for path in paths.values():
            await fill_sqlite(path, SAVED_LINKS)
        db = sqlite3.connect(paths["without"], isolation_level=None)
        for name in _NAMES:
            db.execute(f"DROP INDEX {name}")
        db.close()
        sqlite_save = await _saved("SQLite", {side: f"sqlite:///{path}" for side, path in paths.items()})
    async with AsyncExitStack() as stack:
        names = {size: await stack.enter_async_context(database(server, f"due_{size}")) for size in SIZES}
        postgres = await _listed(
            "Postgres", {size: await _fill_postgres(dsn, size) for size, dsn in names.items()}
        )
    async with database(server, "due_with") as with_, database(server, "due_without") as without:
        for dsn in (with_, without):
            await fill_postgres(dsn, SAVED_LINKS)
        connection = await asyncpg.connect(without)
        for name in _NAMES:
            await connection.execute(f"DROP INDEX {name}")
        await connection.close()
        postgres_save = await _saved("Postgres", {"with": with_, "without": without})
    return Part(
        "What is due next",
        METHOD,
        [*sqlite[0], sqlite_save[0], *postgres[0], postgres_save[0]],
        ("listing", *(f"{size:,} links" for size in SIZES)),
        [*sqlite[1], *postgres[1], sqlite_save[1], postgres_save[1]],
    )
